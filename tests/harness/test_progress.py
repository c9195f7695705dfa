"""Progress: a bar for a person at a terminal, plain lines for a file."""

import io
import re

import pytest
from rich.console import Console

from kerazoo.harness.progress import Progress


def play(console: Console, epochs: int = 2, steps: int = 3) -> None:
    """Send the events of a short training."""
    progress = Progress(epochs, console)
    progress.set_params({"steps": steps, "epochs": epochs})
    with progress:
        for epoch in range(epochs):
            progress.on_epoch_begin(epoch)
            for batch in range(steps):
                progress.on_train_batch_end(batch, {"accuracy": 0.25, "loss": 1.5})
                progress.bar.refresh()
            progress.on_epoch_end(
                epoch,
                {
                    "accuracy": 0.5,
                    "loss": 1.25,
                    "val_loss": 2.0,
                    "learning_rate": 0.1,
                    "epoch_seconds": 62.5,
                    "samples_per_second": 10.0,
                    "best_epoch": 1,
                },
            )


def test_a_file_receives_one_plain_line_per_epoch():
    file = io.StringIO()
    play(Console(file=file, force_terminal=False, width=40, soft_wrap=True))
    scores = "accuracy 0.5000  loss 1.2500  val_loss 2.0000"
    assert file.getvalue().splitlines() == [
        f"epoch 1/2    62.5 s  {scores} best",
        f"epoch 2/2    62.5 s  {scores}",
    ]


def test_large_scores_are_written_with_commas_and_few_digits():
    file = io.StringIO()
    progress = Progress(9, Console(file=file, soft_wrap=True))
    progress.set_params({"steps": 1, "epochs": 9})
    with progress:
        progress.on_epoch_begin(0)
        logs = {"loss": 0.25, "val_rmse": 36348.9258, "best_epoch": 1}
        progress.on_epoch_end(0, logs | {"epoch_seconds": 1.0})
    assert file.getvalue().endswith("loss 0.2500  val_rmse 36,348.9 best\n")


def test_columns_stay_in_line():
    file = io.StringIO()
    play(Console(file=file, force_terminal=False, soft_wrap=True), epochs=11)
    lines = file.getvalue().splitlines()
    assert lines[0].startswith("epoch  1/11 ") and lines[10].startswith("epoch 11/11 ")
    assert {line.index("accuracy") for line in lines} == {23}


def test_a_terminal_sees_a_bar_that_moves_and_goes():
    file = io.StringIO()
    play(Console(file=file, force_terminal=True, width=120, legacy_windows=False))
    shown = file.getvalue()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert re.findall(r"epoch 1/2 ━.*?(\d+)%", plain)[-1] == "100"
    assert re.search(r"33% +accuracy 0\.2500  loss 1\.5000", plain)
    # The lines of finished epochs stay, above a bar that is wiped in the end.
    assert "epoch 1/2    62.5 s" in plain and "epoch 2/2    62.5 s" in plain
    assert "\x1b[2K" in shown


def test_the_bar_is_taken_away_after_an_error():
    console = Console(file=io.StringIO(), force_terminal=True)
    progress = Progress(1, console)
    with pytest.raises(RuntimeError), progress:
        assert progress.bar.live.is_started
        raise RuntimeError
    assert not progress.bar.live.is_started
