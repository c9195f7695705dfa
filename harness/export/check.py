"""Run an exported file as a user's device or server would, in a process of its own.

    python -m kerazoo.harness.export.check FILE INPUTS.npz ANSWERS.npz THREADS

A `.tflite` file is run by the stock `ai-edge-litert` interpreter, without TensorFlow; a
SavedModel by TensorFlow, with Keras blocked. Answers, milliseconds and what is known of
the file go to ANSWERS.npz.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

TIMED_SECONDS = 1.0  # how long a latency is measured
MIN_TIMED, MAX_TIMED = 10, 200  # runs

Sample = dict[str, np.ndarray]  # by input, (1, …)


def main(file: Path, inputs: Path, answers: Path, threads: int) -> None:
    """Run the file on every input and store what came out."""
    with np.load(inputs) as stored:
        samples = dict(stored)
    count = len(next(iter(samples.values())))
    singles = [{k: v[i : i + 1] for k, v in samples.items()} for i in range(count)]
    runner = runner_of(file)
    start = time.perf_counter()
    run = runner(file, threads)
    run(singles[0])
    first_answer = round(1000 * (time.perf_counter() - start), 1)
    facts = {**facts_of(file), **run.facts, "first_answer": first_answer}
    beside = {}
    if "texts" in samples and getattr(run, "texts", None):
        beside["texts"] = [run.answer_text(single["texts"]) for single in singles]
    np.savez(
        answers,
        outputs=np.concatenate([run(single) for single in singles]),
        milliseconds=latencies(run, singles[0]),
        facts=json.dumps(facts),
        **beside,
    )


def runner_of(file: Path) -> type:
    """Return what runs a file: a client's search where it takes one step at a time."""
    if file.suffix != ".tflite":
        sys.modules["keras"] = None
        import tensorflow  # noqa: F401, so that a first answer does not wait for it

        return SavedModelRunner
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(model_path=str(file)).get_signature_list()
    return StepRunner if "decode_step" in signatures else TFLiteRunner


def latencies(run, sample: Sample) -> np.ndarray:
    """Time single runs, in milliseconds; the first ones are not counted."""
    times: list[float] = []
    for _ in range(3):
        run(sample)
    end = time.perf_counter() + TIMED_SECONDS
    while len(times) < MIN_TIMED or (
        len(times) < MAX_TIMED and time.perf_counter() < end
    ):
        start = time.perf_counter()
        run(sample)
        times.append(1000 * (time.perf_counter() - start))
    return np.array(times)


class TFLiteRunner:
    """A TFLite file in the stock interpreter; quantised values are converted here."""

    def __init__(self, file: Path, threads: int):
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(model_path=str(file), num_threads=threads)
        self.interpreter.allocate_tensors()
        signature = self.interpreter.get_signature_runner()
        self.inputs = signature.get_input_details()
        self.outputs = signature.get_output_details()
        self.facts = described(signature)
        (self.output,) = self.outputs.values()

    def __call__(self, sample: Sample) -> np.ndarray:
        """Return the outputs for one sample, as floats."""
        for name, details in self.inputs.items():
            values, dtype = sample[name], details["dtype"]
            if values.dtype.kind == "U":
                values = np.char.encode(values, "utf-8")
            else:
                values = as_type(values, dtype, *details["quantization"])
            self.interpreter.set_tensor(details["index"], values)
        self.interpreter.invoke()
        outputs = self.interpreter.get_tensor(self.output["index"])
        scale, zero_point = self.output["quantization"]
        return (outputs.astype("float32") - zero_point) * scale if scale else outputs


class StepRunner:
    """A TFLite file that takes one step at a time, in the reference client's hands."""

    def __init__(self, file: Path, threads: int):
        from kerazoo.harness.texts.token_search import StepFile

        self.steps = StepFile(str(file), threads)
        signatures = {
            "encode": described(self.steps.encode),
            "decode_step": described(self.steps.decode_step),
        }
        self.facts = {"signatures": signatures}

    def __call__(self, sample: Sample) -> np.ndarray:
        """Return what a greedy search finds, as the whole search in a file does."""
        from kerazoo.harness.texts.token_search import END, search

        (source,) = sample["source"]
        tokens, _ = search(self.steps, source)[0]
        answer = np.zeros((1, self.steps.max_length), "int32")
        answer[0, : len(tokens) + 1] = [*tokens, END]
        return answer


def described(signature) -> dict[str, dict[str, dict]]:
    """Return what a signature takes and gives, by name; scales only where there are."""

    def tensors(details) -> dict[str, dict]:
        return {
            name: {
                "shape": tensor["shape"].tolist(),
                "dtype": np.dtype(tensor["dtype"]).name.replace("bytes", "string"),
                "scale": tensor["quantization"][0] or None,
                "zero_point": tensor["quantization"][1],
            }
            for name, tensor in details.items()
        }

    return {
        "inputs": tensors(signature.get_input_details()),
        "outputs": tensors(signature.get_output_details()),
    }


def as_type(values: np.ndarray, dtype, scale: float, zero_point: int) -> np.ndarray:
    """Write numbers in the type of an input, quantised where it has a scale."""
    if scale:
        bounds = np.iinfo(dtype)
        values = np.round(values / scale) + zero_point
        values = values.clip(bounds.min, bounds.max)
    return values.astype(dtype)


class SavedModelRunner:
    """A SavedModel in a TensorFlow that has no Keras."""

    def __init__(self, file: Path, threads: int):
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        self.facts = {}
        self.loaded = tf.saved_model.load(str(file))
        self.signature = self.loaded.signatures["serving_default"]
        self.texts = self.loaded.signatures.get("texts")
        self.specs = self.signature.structured_input_signature[1]

    def __call__(self, sample: Sample) -> np.ndarray:
        """Return the outputs for one sample."""
        import tensorflow as tf

        tensors = {k: tf.constant(sample[k]) for k in self.specs}
        for name, spec in self.specs.items():
            if spec.dtype != tf.string:
                tensors[name] = tf.cast(tensors[name], spec.dtype)
        (outputs,) = self.signature(**tensors).values()
        return outputs.numpy()

    def answer_text(self, text: np.ndarray) -> str:
        """Return what the signature `texts` answers to one text."""
        import tensorflow as tf

        (answer,) = self.texts(texts=tf.constant(text))["texts"].numpy()
        return answer.decode()


def facts_of(file: Path) -> dict[str, Any]:
    """Return what a TFLite file says of itself; nothing of a SavedModel.

    How many operators there are, by name (those that need Flex begin with it), and the
    oldest TensorFlow Lite that has them all; LiteRT, its successor, began at 1 again.
    """
    if file.suffix != ".tflite":
        return {}
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(file.read_bytes())
    notes = [model.Metadata(i) for i in range(model.MetadataLength())]
    places = {note.Name(): note.Buffer() for note in notes}
    runtime = model.Buffers(places[b"min_runtime_version"]).DataAsNumpy().tobytes()
    return {
        "operators": _operators(model),
        "min_tensorflow_lite": runtime.rstrip(b"\0").decode(),
    }


def _operators(model) -> dict[str, int]:
    from ai_edge_litert import schema_py_generated as schema

    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if k.isupper()}
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    counts: dict[str, int] = {}
    for s in range(model.SubgraphsLength()):
        graph = model.Subgraphs(s)
        for i in range(graph.OperatorsLength()):
            code = codes[graph.Operators(i).OpcodeIndex()]
            custom = code.CustomCode()
            name = custom.decode() if custom else names[code.BuiltinCode()]
            counts[name] = counts.get(name, 0) + 1
    return counts


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), int(sys.argv[4]))
