"""The model registry: one declaration per model, beside its builder.

A builder in `zoo/<kind>/*.py` declares its models with `@register(...)`. The
declarations are literals and are read from the source, so that listing the zoo and
checking a name cost milliseconds and import no deep-learning framework.
"""

import ast
import difflib
import fnmatch
import functools
import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

# What YAML and flags can say, and the annotation that it fits.
PLAIN = {
    type(None): "None",
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    tuple: "tuple",
    list: "tuple",
    dict: "dict",
}


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model before it is built.

    `params` and `multiply_adds` (of one forward pass of one sample; of sequences, one
    of 32 tokens) hold for the default arguments; the tests build every model and
    compare.
    """

    name: str
    kind: str  # the zoo's sub-folder: cnn, regression, seq2seq
    task: str
    year: int
    paper: str
    params: int
    multiply_adds: int
    arguments: dict[str, Any]  # what this variant fixes
    defaults: dict[str, Any]  # every other argument of the builder
    types: dict[str, str]  # of the arguments, as annotations have them
    description: str  # the builder's docstring
    module: str
    builder: str
    licence: str = "Apache-2.0"
    # How its paper trains it: "learning_rate" and "weight_decay" of AdamW.
    recipe: dict[str, float] = field(default_factory=dict)
    pretrained: tuple[str, ...] = ()  # names of published weights
    exports_tested: bool = True  # whether the tests export it in every format
    failed_exports: tuple[str, ...] = ()  # formats that do not pass verification


def register(
    *,
    task: str,
    variants: dict[str, dict[str, Any]],
    **shared: Any,
) -> Callable[[Callable], Callable]:
    """Declare the models that a builder makes.

    Every value must be a literal: `model_card` reads them without running the file.

    Args:
        task: what the model is for, such as `"image_classification"`.
        variants: model name → its fields of `ModelCard` (`params`, `multiply_adds`,
            `arguments`, …).
        **shared: fields of `ModelCard` that all the variants have in common.
    """
    del task, variants, shared
    return lambda builder: builder


def list_models(
    filter: str = "*",
    *,
    kind: str | None = None,
    task: str | None = None,
    max_params: float | None = None,
    pretrained: bool | None = None,
) -> list[str]:
    """List the names of the zoo's models, in the order of their declaration.

    Args:
        filter: a glob on the name, such as `"resnet*"`.
        kind: a sub-folder of the zoo: `"cnn"`, `"regression"` or `"seq2seq"`.
        task: what the model is for, such as `"image_classification"`.
        max_params: the most parameters, at the default arguments.
        pretrained: True for models with published weights, False for the others.

    Raises:
        ValueError: no model is of that kind or task; the message names those there are.

    >>> list_models("resnet*", max_params=500_000)
    ['resnet20', 'resnet32']
    """
    for what, given in (("kind", kind), ("task", task)):
        known = sorted({getattr(card, what) for card in _cards().values()})
        if given is not None and given not in known:
            raise ValueError(
                f"No model is of the {what} {given!r}; choose from: {', '.join(known)}."
            )
    return [
        card.name
        for card in _cards().values()
        if fnmatch.fnmatch(card.name, filter)
        and kind in (None, card.kind)
        and task in (None, card.task)
        and (max_params is None or card.params <= max_params)
        and pretrained in (None, bool(card.pretrained))
    ]


def model_card(name: str) -> ModelCard:
    """Return the declaration of one model.

    Raises:
        ValueError: no model has that name; the message names the nearest one.
    """
    try:
        return _cards()[name]
    except KeyError:
        near = difflib.get_close_matches(name, _cards(), n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"There is no model {name!r} in the zoo.{hint} "
            "`kerazoo list` shows every name."
        ) from None


def find_weights(name: str, weights: str | None) -> Path | None:
    """Return the file of a model's weights that come along; None if they do not.

    Beside it lie `arguments.json`, what the builder was given, and `data.json`, what
    the numbers that the model takes and gives stand for.

    Args:
        name: of the model.
        weights: one of its card's `pretrained`, such as `"cmudict"`.
    """
    folder = Path(__file__).parent / model_card(name).kind / "weights"
    file = folder / f"{name}-{weights}" / "model.weights.h5"
    return file if file.is_file() else None


def check_arguments(name: str, arguments: dict[str, Any]) -> None:
    """Check that a model's builder takes these arguments, without building it.

    Raises:
        ValueError: no model has that name, its builder has no such argument, or one
            of another type, or no such weights are published.
    """
    card = model_card(name)
    allowed = [*card.defaults, *card.arguments]
    for argument, value in arguments.items():
        if argument == "weights" and argument not in allowed:
            if value is not None and not find_weights(name, value):
                known = ", ".join(card.pretrained) or "none"
                raise ValueError(
                    f"{name} has no weights {value!r}. Published are: {known}."
                )
            continue
        if argument not in allowed:
            near = difflib.get_close_matches(argument, allowed, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"{name} takes no argument {argument!r}.{hint} "
                f"It takes: {', '.join(allowed)}."
            )
        if not _fits(value, card.types[argument]):
            raise ValueError(
                f"{name} takes {argument} as {card.types[argument]}; got {value!r}."
            )


def create_model(
    name: str, *, features_only: bool = False, **arguments: Any
) -> "keras.Model":
    """Build a model of the zoo.

    Args:
        name: a name from `list_models()`.
        features_only: return the feature maps at every resolution, finest first,
            in place of the logits.
        **arguments: the builder's arguments, such as `input_shape`, `num_classes`,
            `dropout`, `activation`; `model_card(name).defaults` has them all. Of models
            with published weights also `weights`, one of `model_card(name).pretrained`.

    Raises:
        ValueError: no model has that name, or its builder has no such argument; or
            Keras is set to channels first, which no model here is.

    >>> create_model("resnet20", input_shape=(28, 28, 1)).output_shape
    (None, 10)
    """
    arguments = {argument: _plain(value) for argument, value in arguments.items()}
    check_arguments(name, arguments)
    card = model_card(name)
    builder = getattr(importlib.import_module(card.module), card.builder)
    _require_channels_last()
    file = find_weights(name, arguments.get("weights"))
    if "weights" not in {**card.defaults, **card.arguments}:
        arguments.pop("weights", None)
    if file:
        sizes = json.loads(file.with_name("arguments.json").read_text("utf-8"))
        arguments = sizes | arguments
    model = builder(**{"name": name, **card.arguments, **arguments})
    if file:
        model.load_weights(file)
    if features_only:
        from kerazoo.zoo.surgery import feature_pyramid

        return feature_pyramid(model)
    return model


def _plain(value: Any) -> Any:
    """Return NumPy's numbers and arrays as Python's: Keras wants its integers so."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return value.tolist() if hasattr(value, "tolist") else value


def _require_channels_last() -> None:
    import keras

    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "The models of the zoo have their channels last, and Keras is set to "
            f"{keras.config.image_data_format()!r}: call "
            'keras.config.set_image_data_format("channels_last") first.'
        )


@functools.cache
def _cards() -> dict[str, ModelCard]:
    cards = {}
    for file in sorted(Path(__file__).parent.glob("*/[!_]*.py")):
        for card in _read_cards(file):
            if card.name in cards:
                raise ValueError(f"{file}: the model {card.name!r} is declared twice")
            cards[card.name] = card
    return cards


def _read_cards(file: Path) -> Iterator[ModelCard]:
    kind = file.parent.name
    for node in ast.parse(file.read_text("utf-8")).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and decorator.func.id == "register":
                shared = {k.arg: ast.literal_eval(k.value) for k in decorator.keywords}
                signature, types = _defaults(node.args), _types(node.args)
                for name, fields in shared.pop("variants").items():
                    fixed = fields.get("arguments", {})
                    yield ModelCard(
                        name=name,
                        kind=kind,
                        module=f"kerazoo.zoo.{kind}.{file.stem}",
                        builder=node.name,
                        description=ast.get_docstring(node) or "",
                        defaults={k: v for k, v in signature.items() if k not in fixed},
                        types=types,
                        **{"arguments": {}, **shared, **fields},
                    )


def _defaults(arguments: ast.arguments) -> dict[str, Any]:
    # Builders give every argument a literal default; a required one shows as None.
    names = [a.arg for a in [*arguments.args, *arguments.kwonlyargs]]
    positional = [None] * (len(arguments.args) - len(arguments.defaults))
    defaults = [*positional, *arguments.defaults, *arguments.kw_defaults]
    return {
        name: None if default is None else ast.literal_eval(default)
        for name, default in zip(names, defaults, strict=True)
        if name != "name"
    }


def _types(arguments: ast.arguments) -> dict[str, str]:
    return {
        each.arg: ast.unparse(each.annotation)
        for each in [*arguments.args, *arguments.kwonlyargs]
    }


def _fits(value: Any, annotation: str) -> bool:
    """Say whether a plain value is of a type; what is inside of it is not looked at."""
    kind = PLAIN.get(type(value))
    wanted = {each.split("[")[0] for each in annotation.split(" | ")}
    return kind is None or kind in wanted or (kind == "int" and "float" in wanted)
