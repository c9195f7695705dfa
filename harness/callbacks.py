"""What happens around every step and every epoch."""

import math
import os
import signal
import threading
import time
from pathlib import Path

import keras
import numpy as np

from kerazoo.harness.errors import NonFiniteError


class StopOnNonFinite(keras.callbacks.Callback):
    """Stop when the loss of a step, or a weight at an epoch's end, is no number."""

    def on_epoch_begin(self, epoch, logs=None):  # noqa: D102
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):  # noqa: D102
        if not math.isfinite(logs["loss"]):
            if hasattr(self.model, "jax_state_sync"):
                self.model.jax_state_sync()  # JAX has the rate elsewhere until then
            place = f"in epoch {self.epoch + 1}, step {batch + 1}"
            self._stop(f"The loss became {logs['loss']} {place}")

    def on_epoch_end(self, epoch, logs=None):  # noqa: D102
        # No loss has seen the epoch's last update yet, and it is about to be saved.
        for weight in self.model.trainable_weights:
            if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
                place = f"in the last step of epoch {epoch + 1}"
                self._stop(f"The weights {weight.path} became NaN or infinite {place}")

    def _stop(self, problem: str) -> None:
        rate = float(self.model.optimizer.learning_rate)
        raise NonFiniteError(
            f"{problem}, at a learning rate of {rate:.3g}. What usually helps: a lower "
            "--learning_rate, a longer --warmup_epochs, --global_clipnorm 1, or "
            "--precision float32; and look for NaN in the data."
        )


class Interruption(keras.callbacks.Callback):
    """Put Ctrl-C and SIGTERM off to the end of a step; the second one acts at once.

    Raised wherever the interpreter happens to be, a KeyboardInterrupt is now and then
    lost in TensorFlow's own code, and training goes on as if nothing had been asked.
    A context manager; a signal that was ignored stays so, and in another thread than
    the main one there are none.
    """

    def __enter__(self):
        self.asked = False
        in_main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if in_main else ()
        before = {n: signal.getsignal(n) for n in numbers}
        self.handlers = {
            n: handler for n, handler in before.items() if callable(handler)
        }
        for number in self.handlers:
            signal.signal(number, self._ask)
        return self

    def __exit__(self, *error):
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        if not any(error):
            self.on_train_batch_end(None)

    def _ask(self, number, frame):
        if self.asked:
            self.handlers[number](number, frame)
        self.asked = True

    def on_train_batch_end(self, batch, logs=None):  # noqa: D102
        if self.asked:
            raise KeyboardInterrupt

    on_test_batch_end = on_epoch_end = on_train_batch_end


class Stopwatch(keras.callbacks.Callback):
    """Add the epoch's seconds, samples per second and learning rate to the logs.

    Only the training steps are timed, not the validation.
    """

    def __init__(self, num_samples: int):
        super().__init__()
        self.num_samples = num_samples

    def on_epoch_begin(self, epoch, logs=None):  # noqa: D102
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):  # noqa: D102
        self.end = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):  # noqa: D102
        seconds = self.end - self.start
        logs["epoch_seconds"] = seconds
        logs["samples_per_second"] = self.num_samples / seconds
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class Checkpoint(keras.callbacks.Callback):
    """Keep the best epoch's model and the last one's, each written whole or not at all.

    Args:
        folder: receives `best.keras`, without the optimizer and the loss, so that it
            loads anywhere, and `last.keras`, with both.
        monitor: the metric that picks the best epoch.
        mode: "min" or "max".
    """

    def __init__(self, folder: Path, monitor: str, mode: str):
        super().__init__()
        self.folder = folder
        self.monitor = monitor
        self.sign = 1 if mode == "max" else -1
        self.best = (-math.inf, -math.inf)
        self.best_epoch: int | None = None

    def on_epoch_end(self, epoch, logs=None):  # noqa: D102
        self._save(self.model, "last.keras")
        if self.keep_better(logs):
            self.best_epoch = epoch
        logs["best_epoch"] = self.best_epoch + 1

    def keep_better(self, logs: dict[str, float]) -> bool:
        """Keep the model as it is, if its scores are the best so far; say whether."""
        # Of equal scores, such as a BLEU of 0 at first, the lower loss is the better.
        scores = (self.sign * logs[self.monitor], -logs.get("val_loss", 0.0))
        # What is no number is better than nothing only.
        scores = tuple(-math.inf if math.isnan(score) else score for score in scores)
        if self.best_epoch is not None and scores <= self.best:
            return False
        self.best = scores
        inference = keras.Model(self.model.inputs, self.model.outputs)
        self._save(inference, "best.keras")
        return True

    def restore_best(self) -> None:
        """Give the model the weights of its best epoch."""
        # The whole model may also carry variables of its loss.
        inference = keras.Model(self.model.inputs, self.model.outputs)
        inference.load_weights(self.folder / "best.keras")

    def _save(self, model: keras.Model, name: str) -> None:
        unfinished = self.folder / f"unfinished-{name}"
        model.save(unfinished)
        os.replace(unfinished, self.folder / name)


class OwnArrays(keras.callbacks.Callback):
    """Give every variable an array of its own, behind `SwapEMAWeights` on JAX.

    The swap of Keras 3.15 leaves arrays that two variables share; JAX deletes them when
    another model with these weights predicts, and saving fails. To go when
    `test_upstream_swapped_weights_share_arrays_on_jax` fails.
    """

    def on_epoch_end(self, epoch, logs=None):  # noqa: D102
        for variable in self.model.trainable_variables:
            variable.assign(np.array(variable))


class WeightAverage(keras.callbacks.Callback):
    """Average the weights of the last epochs, Vaswani et al. 2017, section 6.1.

    Args:
        epochs: number of epochs.
        count: how many of them are averaged.
    """

    def __init__(self, epochs: int, count: int):
        super().__init__()
        self.first = epochs - count
        self.number = 0  # epochs in the sum; none where training stopped early

    def on_epoch_end(self, epoch, logs=None):  # noqa: D102
        if epoch >= self.first:
            weights = self.model.get_weights()
            sums = [0.0] * len(weights) if not self.number else self.sums
            self.sums = [a + b for a, b in zip(sums, weights, strict=True)]
            self.number += 1

    def apply(self) -> None:
        """Give the model the average."""
        self.model.set_weights([total / self.number for total in self.sums])


class Record(keras.callbacks.Callback):
    """Send an epoch's scores to the tracker, in one call per epoch.

    Args:
        tracker: takes `metrics(scores, step)`.
        history: receives every epoch's scores.
        prefix: stands before the scores' names at the tracker.
    """

    def __init__(self, tracker, history: list[dict[str, float]], prefix: str = ""):
        super().__init__()
        self.tracker = tracker
        self.history = history
        self.prefix = prefix

    def on_epoch_end(self, epoch, logs=None):  # noqa: D102
        self.history.append(dict(logs))
        named = {f"{self.prefix}{name}": value for name, value in logs.items()}
        self.tracker.metrics(named, step=epoch + 1)
