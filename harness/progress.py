"""Training progress: a moving bar on a terminal, a line per epoch elsewhere."""

import keras
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress as Bar,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from kerazoo.harness.wording import as_score


class Progress(keras.callbacks.Callback):
    """Show how far training is and how well it goes.

    Args:
        epochs: number of epochs.
        console: where to write; None for standard output.
    """

    def __init__(self, epochs: int, console: Console | None = None):
        super().__init__()
        self.epochs = epochs
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[scores]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )

    def __enter__(self):
        self.bar.start()
        return self

    def __exit__(self, *error):
        self.bar.stop()

    def on_epoch_begin(self, epoch, logs=None):  # noqa: D102
        name = f"epoch {epoch + 1}/{self.epochs}"
        self.task = self.bar.add_task(name, total=self.params["steps"], scores="")

    def on_train_batch_end(self, batch, logs=None):  # noqa: D102
        self.bar.update(self.task, completed=batch + 1, scores=_scores(logs))

    def on_epoch_end(self, epoch, logs=None):  # noqa: D102
        self.bar.remove_task(self.task)
        star = " [yellow]best[/]" if logs["best_epoch"] == epoch + 1 else ""
        width = len(str(self.epochs))
        self.console.print(
            f"epoch {epoch + 1:>{width}}/{self.epochs}  "
            f"{logs['epoch_seconds']:6.1f} s  {_scores(logs)}{star}"
        )


def _scores(logs: dict[str, float]) -> str:
    hidden = {"epoch_seconds", "samples_per_second", "learning_rate", "best_epoch"}
    return "  ".join(f"{k} {as_score(v)}" for k, v in logs.items() if k not in hidden)
