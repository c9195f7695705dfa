"""Run an exported file as a user's device or server would, in a process of its own.

    python -m kerazoo.harness.export_check FILE INPUTS.npy ANSWERS.npz THREADS

A `.tflite` file is run by the stock `ai-edge-litert` interpreter, without TensorFlow; a
SavedModel by TensorFlow, with Keras blocked. Answers, milliseconds and operators go to
ANSWERS.npz.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

TIMED_SECONDS = 1.0  # how long a latency is measured
MIN_TIMED, MAX_TIMED = 10, 200  # runs


def main(file: Path, inputs: Path, answers: Path, threads: int) -> None:
    """Run the file on every input and store what came out."""
    runner = TFLiteRunner if file.suffix == ".tflite" else SavedModelRunner
    run = runner(file, threads)
    samples = np.load(inputs)
    outputs = np.concatenate([run(sample[None]) for sample in samples])
    np.savez(
        answers,
        outputs=outputs,
        milliseconds=latencies(run, samples[:1]),
        facts=json.dumps(run.facts),
    )


def latencies(run, sample: np.ndarray) -> np.ndarray:
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

        self.facts = {"operators": operators(file.read_bytes())}
        self.interpreter = Interpreter(model_path=str(file), num_threads=threads)
        self.interpreter.allocate_tensors()
        (self.input,) = self.interpreter.get_input_details()
        (self.output,) = self.interpreter.get_output_details()
        for role in ("input", "output"):
            details = getattr(self, role)
            scale, zero_point = details["quantization"]
            self.facts[role] = {
                "shape": details["shape"].tolist(),
                "dtype": np.dtype(details["dtype"]).name,
                "scale": scale,
                "zero_point": zero_point,
            }

    def __call__(self, sample: np.ndarray) -> np.ndarray:
        """Return the outputs for one sample, as floats."""
        scale, zero_point = self.input["quantization"]
        dtype = self.input["dtype"]
        if scale:
            bounds = np.iinfo(dtype)
            sample = np.round(sample / scale) + zero_point
            sample = sample.clip(bounds.min, bounds.max)
        self.interpreter.set_tensor(self.input["index"], sample.astype(dtype))
        self.interpreter.invoke()
        outputs = self.interpreter.get_tensor(self.output["index"])
        scale, zero_point = self.output["quantization"]
        return (outputs.astype("float32") - zero_point) * scale if scale else outputs


class SavedModelRunner:
    """A SavedModel in a TensorFlow that has no Keras."""

    def __init__(self, file: Path, threads: int):
        sys.modules["keras"] = None
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        self.facts = {}
        self.loaded = tf.saved_model.load(str(file))
        self.signature = self.loaded.signatures["serving_default"]
        ((self.name, self.spec),) = self.signature.structured_input_signature[1].items()

    def __call__(self, sample: np.ndarray) -> np.ndarray:
        """Return the outputs for one sample."""
        import tensorflow as tf

        tensor = tf.cast(sample, self.spec.dtype)
        (outputs,) = self.signature(**{self.name: tensor}).values()
        return outputs.numpy()


def operators(content: bytes) -> dict[str, int]:
    """Count a TFLite file's operators, by name; those that need Flex begin with it."""
    from ai_edge_litert import schema_py_generated as schema

    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if k.isupper()}
    model = schema.Model.GetRootAs(content)
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
