"""What every loss says of itself: whole, short, and the same as its class."""

import doctest
import re

import pytest

from kerazoo import losses
from kerazoo.harness import catalog, commands
from kerazoo.harness.loss_cards import FOLDER, loss_arguments, loss_card
from kerazoo.losses._base import arguments

NAMES = losses.list_losses()


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_says_what_it_is_for(name):
    card = loss_card(name)
    assert card.task in losses.TASKS
    assert len(card.good_for) > 15 and len(card.not_for) > 15
    text = (FOLDER / f"{name}.py").read_text("utf-8")
    block = re.search(r"\n\n    Task: .*\n    For: .*\n    Not for: .*\n\n", text)
    assert block and text.index("\n    Args:", block.start()) > 0
    assert max(map(len, block[0].split("\n"))) <= 88
    assert card.title and card.text and card.shapes and card.raises
    for other in re.findall(r"`(\w+)`", f"{card.good_for} {card.not_for}"):
        known = [*NAMES, *(a.name for a in card.arguments)]
        assert other in known, "neither a loss nor an argument"


def test_no_two_losses_are_for_the_same():
    purposes = [loss_card(name).good_for for name in NAMES]
    assert len(set(purposes)) == len(purposes)


def test_every_task_has_a_loss_but_those_to_come():
    tasks = {loss_card(name).task for name in NAMES}
    assert set(losses.TASKS) - tasks <= {"metric learning", "sequence"}


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_those_of_the_class(name):
    read = {a.name: a.default for a in loss_arguments(name).values()}
    defaults = arguments(losses.get_class(name))
    assert list(read) == list(defaults)
    for argument, default in defaults.items():
        if read[argument]:
            assert eval(read[argument]) == default, argument
        else:
            assert isinstance(default, type), "inspect's mark of a missing default"
    assert all(len(a.help) > 3 for a in loss_arguments(name).values())


def test_a_loss_without_the_block_is_told(tmp_path, monkeypatch):
    text = (FOLDER / "focal.py").read_text("utf-8").replace("Not for:", "Nor for:")
    (tmp_path / "focal.py").write_text(text)
    monkeypatch.setattr("kerazoo.harness.loss_cards.FOLDER", tmp_path)
    monkeypatch.setattr(
        "kerazoo.harness.loss_cards._classes", _classes_of(tmp_path / "focal.py")
    )
    with pytest.raises(ValueError, match="does not say what the loss is for"):
        loss_card("focal")


def _classes_of(file):
    import ast

    (kind,) = (
        n for n in ast.parse(file.read_text()).body if isinstance(n, ast.ClassDef)
    )
    return lambda: {kind.name: kind}


# ----------------------------------------------------------------- as the commands show


def test_the_card_of_a_loss_has_all_and_its_example_runs():
    card = catalog.describe("class_balanced")
    for text in (
        "(1 - beta) / (1 - beta ** n)",
        "task     imbalance",
        "for      long-tailed classes",
        "not for  counts all far above",
        "paper    Cui 2019, arXiv:1901.05555",
        "  class_counts     required  samples per class",
        "  beta             0.999     in [0, 1)",
        "  gamma            0.0       the gamma of the focal loss; 0 is",
        "  from_logits      True      True for scores",
        "name, reduction, dtype",
    ):
        assert text in card
    assert max(map(len, card.splitlines())) <= 90
    test = doctest.DocTestParser().get_doctest(card, {}, "card", None, 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted == 4 and not result.failed


@pytest.mark.parametrize(
    ("width", "columns"),
    [(80, "name for"), (120, "name for not for"), (170, "name for not for paper")],
)
def test_the_table_of_losses_suits_the_terminal(width, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    commands.list_("losses", "*", None, "", json=False)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    for task in ("classification", "boxes"):
        header = shown.partition(f"losses: {task}\n")[2].partition("\n")[0]
        assert header.split() == columns.split()
    commands.list_("losses", "focal*", None, "", json=False)
    titles = re.findall(r"^losses: .*", capsys.readouterr().out, re.M)
    assert titles == ["losses: imbalance", "losses: overlap"]


@pytest.mark.parametrize("task", ["noisy labels", "noisy-labels"])
def test_losses_are_listed_by_task(task, capsys):
    commands.list_("", "*", None, task, json=False)
    shown = capsys.readouterr().out
    assert "bi_tempered" in shown and "resnet20" not in shown and "mse" not in shown
    with pytest.raises(ValueError, match="Did you mean 'ordinal'"):
        commands.list_("", "*", None, "ordnal", json=False)
