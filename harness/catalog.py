"""What there is to choose from, read from the files without importing Keras."""

import ast
from collections.abc import Callable
from pathlib import Path
from textwrap import fill, indent
from typing import Any

from kerazoo import losses, zoo
from kerazoo.harness.config import EXPORT_FORMATS
from kerazoo.harness.loss_cards import OF_KERAS, LossCard, loss_card
from kerazoo.harness.wording import not_among

Row = dict[str, Any]


def templates_folder() -> Path:
    """Return where the templates lie in this installation."""
    return Path(__file__).parents[1] / "templates"


def list_templates() -> list[str]:
    """List the names of the templates."""
    return sorted(file.parent.name for file in templates_folder().glob("*/train.py"))


def template_folder(name: str) -> Path:
    """Return the folder of a template, or of a user's copy of one.

    Raises:
        ValueError: there is none.
    """
    if name in list_templates():
        return templates_folder() / name
    if (Path(name) / "train.py").is_file():
        return Path(name).resolve()
    raise ValueError(f"template: {not_among(name, list_templates())}")


def models(kind: str) -> list[Row]:
    """Describe the models of one kind: cnn, regression or seq2seq."""
    return [
        {
            "name": card.name,
            "params": card.params,
            "multiply_adds": card.multiply_adds,
            "year": card.year,
            "exports": _exports(card),
            "pretrained": list(card.pretrained),
        }
        for card in map(zoo.model_card, zoo.list_models(kind=kind))
    ]


def loss_functions() -> list[Row]:
    """Describe the losses."""
    return [
        {
            "name": card.name,
            "task": card.task,
            "for": card.good_for,
            "not_for": card.not_for,
            "paper": card.paper,
        }
        for card in map(loss_card, losses.list_losses())
    ]


def templates() -> list[Row]:
    """Describe the templates."""
    rows = []
    for name in list_templates():
        lines = (templates_folder() / name / "README.md").read_text("utf-8").split("\n")
        rows.append({"name": name, "what": next(x for x in lines[1:] if x.strip())})
    return rows


def data_sets(room: str = "images") -> list[Row]:
    """Describe the data sets that are known by name, of images, tables or pairs."""
    module = Path(__file__).parent / room / "datasets.py"
    tree = ast.parse(module.read_text("utf-8"))
    return [
        {"name": node.name, "what": _doc(node)}
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and [a.arg for a in node.args.args] == ["path"]
    ]


def _exports(card: zoo.ModelCard) -> list[str]:
    """Name the formats whose answers the tests compare with Keras's."""
    if not card.exports_tested:
        return []
    return [name for name in EXPORT_FORMATS if name not in card.failed_exports]


KINDS: dict[str, Callable[[], list[Row]]] = {
    "cnn": lambda: models("cnn"),
    "regression": lambda: models("regression"),
    "seq2seq": lambda: models("seq2seq"),
    "losses": loss_functions,
    "templates": templates,
    "data": lambda: [
        *data_sets(),
        *data_sets("tables"),
        *data_sets("texts"),
    ],
}


def describe(name: str) -> str:
    """Return the card of a model, a loss, a data set or a template, as text.

    Raises:
        ValueError: there is nothing of that name.
    """
    if name in zoo.list_models():
        return _model_card(name)
    if name in losses.list_losses():
        return _loss_card(name)
    rows = {row["name"]: row for row in [*templates(), *KINDS["data"]()]}
    if name in rows:
        return f"{name}\n\n{rows[name]['what']}"
    known = [*zoo.list_models(), *losses.list_losses(), *rows]
    raise ValueError(not_among(name, known))


def _model_card(name: str) -> str:
    card = zoo.model_card(name)
    family = [
        other
        for other in map(zoo.model_card, zoo.list_models())
        if (other.module, other.builder) == (card.module, card.builder)
    ]
    module = Path(zoo.__file__).parent / card.kind / f"{card.module.split('.')[-1]}.py"
    arguments = {**card.defaults, **card.arguments}
    lines = [
        f"{card.name}: {card.task.replace('_', ' ')}",
        "",
        f"paper          {card.paper} ({card.year})",
        f"parameters     {card.params:,} (trained)",
        f"multiply-adds  {card.multiply_adds:,}",
        f"variants       {', '.join(other.name for other in family)}",
        f"pretrained     {', '.join(card.pretrained) or 'no'}",
        f"licence        {card.licence}",
        *(f"trained with   {key} {value:g}" for key, value in card.recipe.items()),
        "",
        "arguments and their defaults:",
        *(f"  {key:<14} {value!r}" for key, value in arguments.items()),
        "",
        _doc(ast.parse(module.read_text("utf-8")), whole=True),
        "",
        card.description,
    ]
    return "\n".join(lines)


def _loss_card(name: str) -> str:
    card = loss_card(name)
    lines = [
        f"{card.name}: {card.title}",
        "",
        card.text,
        "",
        f"task     {card.task}",
        f"for      {card.good_for}",
        f"not for  {card.not_for}",
        f"paper    {card.paper or '-'}",
        "",
        "arguments and their defaults:",
        *_argument_lines(card),
        "",
        "shapes:",
        indent(card.shapes, "  "),
        "",
        "errors:",
        indent(card.raises, "  "),
        "",
        "example:",
        indent(card.example, "  "),
    ]
    return "\n".join(lines)


def _argument_lines(card: LossCard) -> list[str]:
    own = [a for a in card.arguments if a.name not in OF_KERAS]
    names = max((len(a.name) for a in own), default=0)
    values = max((len(a.default or "required") for a in own), default=0)
    lines = []
    for a in own:
        start = f"  {a.name:<{names}}  {a.default or 'required':<{values}}  "
        lines.append(
            fill(a.help, 88, initial_indent=start, subsequent_indent=" " * len(start))
        )
    return [*lines, f"  {', '.join(OF_KERAS)}: as in keras.losses.Loss"]


def _doc(node: Any, whole: bool = False) -> str:
    doc = ast.get_docstring(node) or ""
    return doc if whole else doc.split("\n\n")[0].replace("\n", " ")
