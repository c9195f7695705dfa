"""What a loss says of itself, read from its file without importing Keras."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent

from kerazoo import losses

FOLDER = Path(losses.__file__).parent
OF_KERAS = ("name", "reduction", "dtype")  # arguments that every loss of Keras has
SECTION = re.compile(r"^(Args|Shapes|Raises):$", re.MULTILINE)


@dataclass(frozen=True)
class Argument:
    """An argument of a loss, its own or one of its bases'."""

    name: str
    default: str  # as it stands in the file; empty: it must be given
    help: str


@dataclass(frozen=True)
class LossCard:
    """A loss in words.

    >>> card = loss_card("focal")
    >>> card.task, card.good_for
    ('imbalance', 'rare classes among many easy samples')
    """

    name: str
    title: str
    paper: str  # empty: none is named
    text: str  # the summary and the formula
    task: str
    good_for: str
    not_for: str
    arguments: list[Argument]
    shapes: str
    raises: str
    example: str  # with the imports that it needs


def loss_card(name: str) -> LossCard:
    """Read the card of a loss.

    Raises:
        ValueError: its docstring does not say what it is for.
    """
    tree = ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))
    title, _, paper = " ".join(ast.get_docstring(tree).split()).partition(". ")
    kind = next(_chain(name))
    doc = _doc(kind)
    found = re.search(r"^Task: (.+)\.\nFor: (.+)\.\nNot for: (.+)\.$", doc, re.M)
    if not found:
        raise ValueError(f"losses/{name}.py does not say what the loss is for.")
    sections = _sections(doc)
    return LossCard(
        name,
        title.removesuffix("."),
        paper.removesuffix("."),
        doc[: found.start()].strip(),
        *found.groups(),
        list(loss_arguments(name).values()),
        sections.get("Shapes", ""),
        sections.get("Raises", ""),
        f">>> from keras import ops\n"
        f">>> from kerazoo.losses.{name} import {kind.name}\n"
        + doc[doc.index(">>> ") :],
    )


def loss_arguments(name: str) -> dict[str, Argument]:
    """Return the arguments of a loss by name: its own, then those of its bases.

    As in Python, a class's own default and its own words go before those of a base.
    """
    found: dict[str, Argument] = {}
    help_texts: dict[str, str] = {}
    for node in _chain(name):
        help_texts = _help_texts(_doc(node)) | help_texts
        for argument, default in _parameters(node):
            found.setdefault(argument, Argument(argument, default, ""))
    common = {key: found.pop(key) for key in OF_KERAS if key in found}
    return {
        key: Argument(key, argument.default, help_texts.get(key, "as in Keras"))
        for key, argument in {**found, **common}.items()
    }


@cache
def _classes() -> dict[str, ast.ClassDef]:
    files = FOLDER.glob("*.py")
    nodes = [node for file in files for node in ast.parse(file.read_text("utf-8")).body]
    return {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}


def _chain(name: str) -> Iterator[ast.ClassDef]:
    """Yield the class of a loss and those it inherits from, within this package.

    The order is Python's: a class that is met twice, as the root of all, comes last.
    """
    wanted = f"{name.replace('_', '')}loss"
    found: dict[str, ast.ClassDef] = {}

    def visit(kind: ast.ClassDef) -> None:
        found.pop(kind.name, None)
        found[kind.name] = kind
        for base in kind.bases:
            if inner := _classes().get(getattr(base, "id", "")):
                visit(inner)

    visit(next(kind for n, kind in _classes().items() if n.lower() == wanted))
    yield from found.values()


def _parameters(kind: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield the arguments of a class's own __init__, if it has one, with defaults."""
    for node in kind.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            plain = node.args.args[1:]
            gap = [None] * (len(plain) - len(node.args.defaults))
            defaults = [*gap, *node.args.defaults, *node.args.kw_defaults]
            for argument, default in zip(
                [*plain, *node.args.kwonlyargs], defaults, strict=True
            ):
                yield argument.arg, ast.unparse(default) if default else ""


def _doc(kind: ast.ClassDef) -> str:
    return ast.get_docstring(kind) or ""


def _sections(doc: str) -> dict[str, str]:
    """Split off the sections Args, Shapes and Raises."""
    _, *parts = SECTION.split(doc.partition(">>> ")[0])
    return {
        title: dedent(body).strip()
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


def _help_texts(doc: str) -> dict[str, str]:
    entries = re.findall(
        r"^(\w+): (.+(?:\n {4}.+)*)", _sections(doc).get("Args", ""), re.M
    )
    return {name: " ".join(text.split()) for name, text in entries}
