"""Export a model, and prove that the exported files give the same answers."""

import dataclasses
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerazoo.harness.gpu_operators import beyond_gpu
from kerazoo.harness.own_code import own_folders, own_modules
from kerazoo.harness.portable import portable

if TYPE_CHECKING:
    import keras

FILE_NAMES = {
    "saved_model": "saved_model",
    "tflite": "model.tflite",
    "tflite-fp16": "model_fp16.tflite",
    "tflite-int8-dynamic": "model_int8_dynamic.tflite",
    "tflite-int8": "model_int8.tflite",
}
# Largest difference of an output that float formats may show, in units of the metric's
# spread; int8 is judged by the metric alone. Half precision carries 11 bits through
# every layer.
FULL_PRECISION = ("saved_model", "tflite")
MIN_AGREEMENT = 0.99  # of answers without differences to measure, in full precision
MAX_DIFFERENCE = {"saved_model": 1e-3, "tflite": 1e-3, "tflite-fp16": 5e-2}

Inputs = np.ndarray | dict[str, np.ndarray]  # of a model with one input, or by name


@dataclass(frozen=True)
class Metric:
    """A score that must not get worse by the export.

    Args:
        name: such as `"accuracy"`.
        measure: (targets, outputs) → score.
        higher_is_better: whether a fall is for the worse, or a rise.
        spread: targets → the unit of differences: 1 for shares, the standard deviation
            for numbers.
        decide: outputs → the decision of each sample, if there is one to agree on.
        max_difference: by format, the largest difference of an output that passes, in
            units of the spread; none where outputs have no differences to measure, so
            that files of full precision have to agree.
        count_tokens: outputs of a sample → how many tokens it took, if it took steps.
    """

    name: str
    measure: Callable[[np.ndarray, np.ndarray], float]
    higher_is_better: bool = True
    spread: Callable[[np.ndarray], float] = lambda targets: 1.0
    decide: Callable[[np.ndarray], np.ndarray] | None = None
    max_difference: dict[str, float] = field(default_factory=lambda: MAX_DIFFERENCE)
    count_tokens: Callable[[np.ndarray], int] | None = None


def _accuracy(targets: np.ndarray, outputs: np.ndarray) -> float:
    return float((outputs.argmax(axis=-1) == targets).mean())


def _rmse(targets: np.ndarray, outputs: np.ndarray) -> float:
    return float(np.sqrt(np.mean((outputs[:, 0] - targets) ** 2)))


ACCURACY = Metric("accuracy", _accuracy, decide=lambda outputs: outputs.argmax(axis=-1))
RMSE = Metric("rmse", _rmse, higher_is_better=False, spread=np.std)


@dataclass(frozen=True)
class Verdict:
    """What is known of one exported format; times are in milliseconds per sample."""

    format: str
    file: str = ""
    size: int = 0  # bytes
    max_difference: float | None = None  # of an output, to Keras; none of tokens
    agreement: float | None = None  # share of samples with the same predicted class
    metric_name: str = ""
    metric: float | None = None
    keras_metric: float | None = None
    latency: dict[int, dict[str, float]] = field(default_factory=dict)
    per_token: float | None = None  # the median with one thread, by the answer's tokens
    operators: dict[str, int] = field(default_factory=dict)
    needs_flex: bool = False
    gpu: str = ""  # "yes", or the operators that a phone's GPU does not run
    texts: str = ""  # what to know of the signature `texts`, or why there is none
    inputs: dict[str, Any] = field(default_factory=dict)  # by name
    outputs: dict[str, Any] = field(default_factory=dict)
    signatures: dict[str, Any] = field(default_factory=dict)  # of a file of steps
    failure: str = ""  # why the file must not be used; empty: verified

    @property
    def passed(self) -> bool:
        """Whether the file gives the same answers."""
        return not self.failure


def export(
    model: "keras.Model",
    folder: Path,
    formats: Sequence[str],
    *,
    calibration: Inputs,
    inputs: Inputs,
    targets: np.ndarray,
    metric: Metric = ACCURACY,
    tolerance: float = 0.02,
    threads: Sequence[int] = (1, os.cpu_count() or 1),
    metadata: dict[str, Any] | None = None,
    steps: bool = False,
    texts: Sequence[str] | None = None,
) -> list[Verdict]:
    """Write a model in several formats and verify each against Keras.

    Args:
        model: functional, with one output, in any precision, on any backend. It is
            also written as `model.keras`.
        folder: receives the files, and `model.json` with what a client must know.
        formats: names from `EXPORT_FORMATS`.
        calibration: (samples, …), real inputs from which full int8 reads its ranges.
        inputs: (samples, …), on which the files are compared with Keras.
        targets: (samples, …), for the metric.
        metric: must not get worse by more than the tolerance.
        tolerance: in units of the metric's spread.
        threads: the numbers of threads with which latency is measured.
        metadata: goes into `model.json`, such as the class names.
        steps: of a model with a `Translator`, write `encode` and `decode_step`, which
            leave the search to the client, as TFLite alone; it is verified with the
            greedy search of `token_search`.
        texts: (samples,), where inputs are tokens: what they were made of. The
            SavedModel then gets the signature `texts` too, if the tokenisers in
            `metadata` allow it. It has to answer what `metric.decide` reads from the
            outputs.

    Returns:
        One verdict per format; a failed one names its reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples = [by_name(model, inputs), by_name(model, calibration)]
    model = portable(model)
    names = [tensor.name for tensor in model.inputs]
    inputs, calibration = (dict(zip(names, s.values(), strict=True)) for s in samples)
    expected = answers(model, inputs)
    with tempfile.TemporaryDirectory() as scratch:
        exam = _Exam(
            scratch=Path(scratch),
            inputs=inputs,
            targets=targets,
            expected=expected,
            metric=metric,
            tolerance=tolerance,
            threads=threads,
            texts=None if texts is None else np.array(texts, str),
        )
        written = write_files(
            model,
            folder,
            formats,
            calibration=calibration,
            steps=steps,
            text_form=None if texts is None else metadata,
        )
        verdicts = [
            _verify(name, folder, report, exam) for name, report in written.items()
        ]
    whole = {
        "inputs": {
            tensor.name: {"shape": [1, *tensor.shape[1:]], "dtype": tensor.dtype}
            for tensor in model.inputs
        },
        "outputs": {model.output_names[0]: {"shape": [1, *expected.shape[1:]]}},
    }
    facts = {
        "name": model.name,
        **({} if steps else whole),  # what steps take and give, their files say
        **(metadata or {}),
        "files": [dataclasses.asdict(verdict) for verdict in verdicts],
    }
    text = json.dumps(with_null(facts), indent=2, allow_nan=False)
    (folder / "model.json").write_text(text, "utf-8")
    return verdicts


def with_null(facts: Any) -> Any:
    """Replace what is no number, at any depth: JSON has no word for it."""
    if isinstance(facts, dict):
        return {key: with_null(value) for key, value in facts.items()}
    if isinstance(facts, list | tuple):
        return [with_null(value) for value in facts]
    return None if isinstance(facts, float) and not math.isfinite(facts) else facts


def write_files(
    model: "keras.Model",
    folder: Path,
    formats: Sequence[str],
    *,
    calibration: dict[str, np.ndarray] | None = None,
    steps: bool = False,
    text_form: dict[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Write a model in several formats, and as `model.keras`; verify nothing.

    Args:
        model: in float32, on any backend.
        folder: receives the files.
        formats: as in `export`.
        calibration: by input; only full int8 needs it.
        steps: as in `export`.
        text_form: tokenisers and normaliser, if there shall be a signature `texts`.

    Returns:
        By format what is known of it: its file, or the error.
    """
    model.save(folder / "model.keras")
    np.savez(folder / "calibration.npz", **(calibration or {}))
    places = [str(place) for place in own_folders(model)]
    own = {"folders": places, "modules": own_modules(model)}
    (folder / "own_code.json").write_text(json.dumps(own))
    (folder / "texts.json").write_text(json.dumps(text_form))
    report = _convert(folder, formats, steps)
    for name in ("calibration.npz", "own_code.json", "texts.json", "converted.json"):
        (folder / name).unlink(missing_ok=True)
    return report


def by_name(model: "keras.Model", inputs: Inputs) -> dict[str, np.ndarray]:
    """Return inputs by name, in the order of the model's; texts as NumPy strings."""
    if not isinstance(inputs, dict):
        inputs = {model.inputs[0].name: inputs}
    named = {tensor.name: np.asarray(inputs[tensor.name]) for tensor in model.inputs}
    return {k: v.astype(str) if v.dtype == object else v for k, v in named.items()}


def answers(model: "keras.Model", inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return a model's answers to inputs by name, in float32."""
    import keras

    given = list(inputs.values())
    if any(array.dtype.kind == "U" for array in given):
        import tensorflow as tf

        # Keras has no text on its other backends, and takes none from NumPy.
        given = [tf.constant(array) for array in given]
    given = keras.tree.pack_sequence_as(model.input, given)
    return np.asarray(model.predict(given, batch_size=64, verbose=0), "float32")


def _convert(
    folder: Path, formats: Sequence[str], steps: bool
) -> dict[str, dict[str, Any]]:
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    given = [*formats, *(["--steps"] if steps else [])]
    done = _run("export_convert", folder, *given, environment=environment)
    report = folder / "converted.json"
    if done.returncode:
        return {name: {"error": _last_line(done)} for name in formats}
    return json.loads(report.read_text())


@dataclass(frozen=True)
class _Exam:
    """What every exported file is put to; the arguments of `export`."""

    scratch: Path
    inputs: dict[str, np.ndarray]
    targets: np.ndarray
    expected: np.ndarray  # what Keras answers
    metric: Metric
    tolerance: float
    threads: Sequence[int]
    texts: np.ndarray | None

    @property
    def given(self) -> dict[str, np.ndarray]:
        """What a file is asked."""
        return self.inputs | ({} if self.texts is None else {"texts": self.texts})


def _verify(name: str, folder: Path, report: dict[str, Any], exam: _Exam) -> Verdict:
    if "error" in report:
        return Verdict(name, failure=f"not converted: {report['error']}")
    file = folder / report["file"]
    size = sum(f.stat().st_size for f in [file, *file.rglob("*")] if f.is_file())
    verdict = Verdict(name, file.name, size)
    given, results = exam.scratch / "inputs.npz", exam.scratch / "results.npz"
    latency = {}
    for threads in exam.threads:
        # All samples once, with the last number of threads; one is enough for a time.
        last = threads == exam.threads[-1]
        some = {k: v if last else v[:1] for k, v in exam.given.items()}
        np.savez(given, **some)
        done = _run("export_check", file, given, results, threads)
        if done.returncode:
            failure = f"does not run: {_last_line(done)}"
            return dataclasses.replace(verdict, failure=failure)
        with np.load(results) as stored:
            outputs, facts = stored["outputs"], json.loads(str(stored["facts"]))
            texts = stored.get("texts")
            p50, p95 = np.percentile(stored["milliseconds"], [50, 95])
        latency[threads] = {"p50": round(p50, 3), "p95": round(p95, 3)}
    metric, expected = exam.metric, exam.expected
    difference = None
    if metric.max_difference:
        difference = float(np.abs(outputs - expected).max())
    score, keras_score = (metric.measure(exam.targets, o) for o in (outputs, expected))
    spread = float(metric.spread(exam.targets))
    worse = keras_score - score if metric.higher_is_better else score - keras_score
    agreement = None
    if metric.decide:
        agreement = float((metric.decide(outputs) == metric.decide(expected)).mean())
    operators = facts.pop("operators", {})
    flex = sorted(o for o in operators if o.startswith("Flex"))
    wrong = 0 if texts is None else int((texts != metric.decide(outputs)).sum())
    failure = ""
    if flex:
        failure = f"needs operators that no phone has: {', '.join(flex)}"
    elif not np.isfinite(expected).all():
        failure = "Keras itself gives NaN or infinity"
    elif not np.isfinite(outputs).all():
        failure = "gives NaN or infinity"
    elif difference and difference > metric.max_difference.get(name, np.inf) * spread:
        failure = f"differs from Keras by {difference:.2g}"
    elif difference is None and name in FULL_PRECISION and agreement < MIN_AGREEMENT:
        failure = f"gives the answers of Keras to {agreement:.1%} of the samples alone"
    elif worse > exam.tolerance * spread:
        change = "falls" if metric.higher_is_better else "rises"
        before, after = show_score(keras_score), show_score(score)
        failure = (
            f"{metric.name} {change} from {before} to {after}, "
            f"by more than {show_score(exam.tolerance * spread)}"
        )
    elif wrong:
        failure = (
            f"its signature `texts` answers {wrong:,} of {len(texts):,} texts "
            "otherwise than its tokens do"
        )
    per_token = None
    if metric.count_tokens:
        fastest = latency[min(latency)]["p50"]
        per_token = round(fastest / metric.count_tokens(outputs[0]), 4)
    gpu = ", ".join(beyond_gpu(operators)) or "yes"
    return dataclasses.replace(
        verdict,
        max_difference=difference,
        agreement=agreement,
        metric_name=metric.name,
        metric=score,
        keras_metric=keras_score,
        latency=latency,
        per_token=per_token,
        operators=operators,
        needs_flex=bool(flex),
        gpu=gpu if operators else "",
        texts=report.get("texts", ""),
        failure=failure,
        **facts,
    )


def _run(module: str, *arguments: Any, environment: dict | None = None):
    # -P: the working folder may hold files of the user's with the names of modules.
    python = [sys.executable, "-P", "-m", f"kerazoo.harness.{module}"]
    command = [*python, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def _last_line(done: subprocess.CompletedProcess) -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1][:300] if lines else f"exit status {done.returncode}"


def failures(verdicts: Sequence[Verdict]) -> list[str]:
    """Return one line per failed format, with its reason."""
    return [f"{v.format}: {v.failure}" for v in verdicts if not v.passed]


def show_score(value: float) -> str:
    """Write a score with the digits that count."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
