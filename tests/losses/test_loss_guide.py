"""The guide to choosing: its tables, its example, its pictures."""

import re
import sys

import numpy as np
import pytest
from PIL import Image
from workplace import ROOT, execute

from kerazoo import losses
from kerazoo.harness.loss_cards import FOLDER, loss_card

GUIDE = (FOLDER / "README.md").read_text("utf-8")
ROWS = re.findall(r"^\| (.+) \| `(\w+)`(?: with .*)? \| (.+) \|$", GUIDE, re.MULTILINE)


def test_every_loss_of_the_tables_exists():
    assert len(ROWS) > 30
    assert {name for _, name, _ in ROWS} - set(losses.list_losses()) == set()
    lines = [x for x in GUIDE.splitlines() if x.startswith("| ") and "use |" not in x]
    assert len(lines) == len(ROWS), "a row of another form"


def test_every_task_is_in_the_tables():
    shown = {loss_card(name).task for _, name, _ in ROWS}
    assert shown == {loss_card(name).task for name in losses.list_losses()}


def test_the_loss_that_the_guide_writes_works(tmp_path, monkeypatch):
    """It is put where the guide says, and found, explained and computed from there."""
    (code,) = re.findall(r"```python\n(\"\"\"Power.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "power.py").write_text(code, "utf-8")
    run = (
        "import doctest, keras, power; from keras import ops;"
        "done = doctest.testmod(power, extraglobs={'ops': ops});"
        "assert done.attempted == 1 and not done.failed;"
        "loss = power.PowerLoss(2.5);"
        "assert type(loss).from_config(loss.get_config()).power == 2.5"
    )
    execute(sys.executable, "-c", run, cwd=tmp_path)
    for file in FOLDER.glob("_*.py"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"))
    monkeypatch.setattr("kerazoo.harness.loss_cards.FOLDER", tmp_path)
    from kerazoo.harness import loss_cards

    loss_cards._classes.cache_clear()
    card = loss_card("power")
    loss_cards._classes.cache_clear()
    assert (card.task, card.arguments[0].default) == ("regression", "1.5")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curves")
    execute(sys.executable, ROOT / "benchmarks" / "loss_curves.py", folder, cwd=folder)
    return folder


@pytest.mark.parametrize("name", ["curves_classification.png", "curves_regression.png"])
def test_the_curves_are_those_of_the_script(name, drawn):
    assert name in GUIDE
    assert (FOLDER / name).stat().st_size < 100_000
    shown, fresh = (
        np.asarray(Image.open(folder / name).convert("L"), float)
        for folder in (FOLDER, drawn)
    )
    # Fonts may differ a little between machines, curves may not.
    assert shown.shape == fresh.shape
    assert np.mean(abs(shown - fresh) > 64) < 0.01
