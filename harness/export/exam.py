"""Put an exported file to the test: does it give the answers of Keras?"""

import dataclasses
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from kerazoo.harness.export.gpu_operators import beyond_gpu
from kerazoo.harness.wording import listed

MADE_BY = ("kerazoo", "keras", "tensorflow", "ai-edge-litert")  # whose versions matter
FULL_PRECISION = ("saved_model", "tflite")
MIN_AGREEMENT = 0.99  # of answers without differences to measure, in full precision
ROUNDING = 1e-9  # 1 - 0.95 is a little more than 0.05
# Largest difference of an output that float formats may show, in units of the metric's
# spread; int8 is judged by the metric alone. Half precision carries 11 bits through
# every layer.
MAX_DIFFERENCE = {"saved_model": 1e-3, "tflite": 1e-3, "tflite-fp16": 5e-2}


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
        unit: what the score and differences are of, in words; empty: of nothing.
    """

    name: str
    measure: Callable[[np.ndarray, np.ndarray], float]
    higher_is_better: bool = True
    spread: Callable[[np.ndarray], float] = lambda targets: 1.0
    decide: Callable[[np.ndarray], np.ndarray] | None = None
    max_difference: dict[str, float] = field(default_factory=lambda: MAX_DIFFERENCE)
    count_tokens: Callable[[np.ndarray], int] | None = None
    unit: str = ""


def _accuracy(targets: np.ndarray, outputs: np.ndarray) -> float:
    return float((outputs.argmax(axis=-1) == targets).mean())


def _rmse(targets: np.ndarray, outputs: np.ndarray) -> float:
    return float(np.sqrt(np.mean((outputs[:, 0] - targets) ** 2)))


ACCURACY = Metric("accuracy", _accuracy, decide=lambda outputs: outputs.argmax(axis=-1))
RMSE = Metric("rmse", _rmse, higher_is_better=False, spread=np.std)


@dataclass(frozen=True)
class Verdict:
    """What is known of one exported format; times are in milliseconds a sample."""

    format: str
    file: str = ""
    size: int = 0  # bytes
    sha256: str = ""  # of a TFLite file
    min_tensorflow_lite: str = ""  # the oldest with all operators; LiteRT came later
    versions: dict[str, str] = field(default_factory=dict)  # that made it
    machine: str = ""  # on which it was verified
    num_samples: int = 0  # on which it was held against Keras
    max_difference: float | None = None  # of an output, to Keras; none of tokens
    agreement: float | None = None  # share of samples with the same predicted class
    metric_name: str = ""
    metric_unit: str = ""  # of the differences too
    metric: float | None = None
    keras_metric: float | None = None
    latency: dict[int, dict[str, float]] = field(default_factory=dict)
    first_answer: float | None = None  # with the opening of the file, all threads
    per_token: float | None = None  # the median with one thread, by the answer's tokens
    operators: dict[str, int] = field(default_factory=dict)
    needs_flex: bool = False
    gpu: str = ""  # "yes", or the operators that a phone's GPU does not run
    texts: str = ""  # what to know of the signature `texts`, or why there is none
    inputs: dict[str, Any] = field(default_factory=dict)  # by name
    outputs: dict[str, Any] = field(default_factory=dict)
    signatures: dict[str, Any] = field(default_factory=dict)  # of a file of steps
    answer: np.ndarray | None = field(default=None, repr=False, compare=False)
    failure: str = ""  # why the file must not be used; empty: verified

    @property
    def passed(self) -> bool:
        """Whether the file gives the same answers."""
        return not self.failure


@dataclass(frozen=True)
class Exam:
    """What every exported file is put to; see the arguments of `export.export`."""

    scratch: Path
    inputs: dict[str, np.ndarray]
    targets: np.ndarray
    expected: np.ndarray  # what Keras answers
    metric: Metric
    tolerance: float
    threads: Sequence[int]
    texts: np.ndarray | None

    def verify(self, name: str, file: Path, known: dict[str, Any]) -> Verdict:
        """Run a file as a client does, and judge its answers.

        Args:
            name: of the format.
            file: the TFLite file, or the SavedModel's folder.
            known: what its conversion told of it, for the verdict.
        """
        size = sum(f.stat().st_size for f in [file, *file.rglob("*")] if f.is_file())
        origin = {
            "versions": {package: version(package) for package in MADE_BY},
            "machine": f"{os.cpu_count()} cores of {platform.machine()}, "
            f"{platform.system()}",
        }
        sha256 = _digest(file)
        verdict = Verdict(name, file.name, size, sha256=sha256, **origin, **known)
        try:
            outputs, texts, facts = self._ask(file)
        except _NotRun as error:
            return dataclasses.replace(verdict, failure=f"does not run: {error}")
        metric, expected = self.metric, self.expected
        difference = agreement = per_token = None
        if metric.max_difference:
            difference = float(np.abs(outputs - expected).max())
        if metric.decide:
            same = metric.decide(outputs) == metric.decide(expected)
            agreement = float(same.mean())
        if metric.count_tokens:
            fastest = facts["latency"][min(self.threads)]["p50"]
            per_token = round(fastest / metric.count_tokens(outputs[0]), 4)
        operators = facts.get("operators", {})
        verdict = dataclasses.replace(
            verdict,
            max_difference=difference,
            agreement=agreement,
            num_samples=len(expected),
            metric_name=metric.name,
            metric_unit=metric.unit,
            metric=metric.measure(self.targets, outputs),
            keras_metric=metric.measure(self.targets, expected),
            per_token=per_token,
            needs_flex=any(o.startswith("Flex") for o in operators),
            gpu=(", ".join(beyond_gpu(operators)) or "yes") if operators else "",
            answer=outputs[:1],
            **facts,
        )
        fault = self._fault(verdict, outputs, texts)
        return dataclasses.replace(verdict, failure=fault)

    def _ask(self, file: Path) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any]]:
        """Return a file's outputs, its answers to texts, and what is known of it."""
        asked = self.inputs | ({} if self.texts is None else {"texts": self.texts})
        given, results = self.scratch / "inputs.npz", self.scratch / "results.npz"
        latency = {}
        for threads in self.threads:
            # All samples once, with the most threads; one is enough for a time.
            last = threads == self.threads[-1]
            np.savez(given, **{k: v if last else v[:1] for k, v in asked.items()})
            done = run_module("check", file, given, results, threads)
            if done.returncode:
                raise _NotRun(last_line(done))
            with np.load(results) as stored:
                outputs, facts = stored["outputs"], json.loads(str(stored["facts"]))
                texts = stored.get("texts")
                p50, p95 = np.percentile(stored["milliseconds"], [50, 95])
            latency[threads] = {"p50": round(p50, 3), "p95": round(p95, 3)}
        return outputs, texts, {"latency": latency, **facts}

    def _fault(
        self, verdict: Verdict, outputs: np.ndarray, texts: np.ndarray | None
    ) -> str:
        """Say why a file must not be used; an empty text if it may."""
        metric, name = self.metric, verdict.format
        spread = float(metric.spread(self.targets))
        before, after = verdict.keras_metric, verdict.metric
        worse = before - after if metric.higher_is_better else after - before
        difference, agreement = verdict.max_difference, verdict.agreement
        wrong = 0 if texts is None else int((texts != metric.decide(outputs)).sum())
        if verdict.needs_flex:
            flex = sorted(o for o in verdict.operators if o.startswith("Flex"))
            return f"needs operators that no phone has: {', '.join(flex)}"
        for who, answers in (("Keras itself ", self.expected), ("", outputs)):
            if odd := _not_finite(answers):
                those = f"{len(odd):,} of {len(answers):,} samples: {listed(odd)}"
                return f"{who}gives NaN or infinity to {those} (counted from 0)"
        if difference and difference > metric.max_difference.get(name, np.inf) * spread:
            return f"differs from Keras by {difference:.2g}"
        if difference is None and name in FULL_PRECISION and agreement < MIN_AGREEMENT:
            return f"agrees with Keras on only {agreement:.1%} of the samples"
        if worse > self.tolerance * spread + ROUNDING:
            change = "drops" if metric.higher_is_better else "rises"
            return (
                f"{metric.name} {change} from {show_score(before)} to "
                f"{show_score(after)}; the limit is "
                f"{show_score(self.tolerance * spread)}"
            )
        if wrong:
            return (
                f"its signature `texts` answers {wrong:,} of {len(texts):,} texts "
                "otherwise than its tokens do"
            )
        return ""


def _not_finite(answers: np.ndarray) -> list[int]:
    """Return the places of samples whose answers are NaN or infinite."""
    finite = np.isfinite(answers).reshape(len(answers), -1).all(axis=1)
    return np.flatnonzero(~finite).tolist()


class _NotRun(Exception):
    """A file did not run to its end; the message says why."""


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def run_module(
    module: str, *arguments: Any, environment: dict | None = None
) -> subprocess.CompletedProcess:
    """Run a module of this package as a process of its own, to its end."""
    # -P: the working folder may hold files of the user's with the names of modules.
    python = [sys.executable, "-P", "-m", f"kerazoo.harness.export.{module}"]
    command = [*python, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def last_line(done: subprocess.CompletedProcess) -> str:
    """Return what a process that failed said last."""
    lines = done.stderr.strip().splitlines()
    return lines[-1][:300] if lines else f"exit status {done.returncode}"


def show_score(value: float) -> str:
    """Write a score with the digits that count."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
