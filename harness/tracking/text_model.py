"""The model of texts as MLflow loads and serves it: a list of texts in, and one out.

MLflow stores this file with the model, and with `token_search.py`, which turns texts
into tokens and back. Where it is loaded, TensorFlow is enough.
"""

import importlib.util
import json
import sys
from pathlib import Path

import mlflow
import tensorflow as tf

BATCH_SIZE = 64  # texts that are answered side by side


class TextModel(mlflow.pyfunc.PythonModel):
    """Answer texts, or the texts in a data frame's one column, by greedy search."""

    def load_context(self, context):
        """Load the SavedModel and what lies between texts and tokens."""
        files = context.artifacts
        self.client = _run(files["client"])
        self.facts = json.loads(Path(files["facts"]).read_text("utf-8"))
        self.loaded = tf.saved_model.load(files["saved_model"])
        self.serve = self.loaded.signatures["serving_default"]

    # MLflow makes the signature of the types, and makes the list of a data frame.
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        """Return the answer to every text, in the same order."""
        encode, decode = self.client.encode, self.client.decode
        rows = [encode(text, self.facts, sys.maxsize) for text in model_input]
        answers = []
        for start in range(0, len(rows), BATCH_SIZE):
            batch = tf.ragged.constant(rows[start : start + BATCH_SIZE], tf.int32)
            tokens = self.serve(source=batch.to_tensor())["tokens"].numpy()
            found = zip(rows[start : start + BATCH_SIZE], tokens.tolist(), strict=True)
            # Nothing is the answer to nothing.
            answers += [
                decode(ids, self.facts) if row[1:] else "" for row, ids in found
            ]
        return answers


def _run(path: str):
    """Run a Python file, under no name that another module may have."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mlflow.models.set_model(TextModel())
