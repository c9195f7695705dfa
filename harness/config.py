"""Configs: frozen dataclasses whose fields are flags and YAML keys.

Nothing here imports a deep-learning framework, so a mistyped flag is answered at once.
"""

import argparse
import ast
import dataclasses
import difflib
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeVar

from kerazoo import losses, zoo
from kerazoo.harness.errors import UserError
from kerazoo.harness.loss_cards import loss_arguments
from kerazoo.harness.wording import not_among

ExportFormat = Literal[
    "saved_model", "tflite", "tflite-fp16", "tflite-int8-dynamic", "tflite-int8"
]
EXPORT_FORMATS: tuple[str, ...] = typing.get_args(ExportFormat)
Config = TypeVar("Config")
# Metrics with one of these in their names are best at their highest.
HIGH_IS_BETTER = ("accuracy", "auc", "bleu", "chrf", "dice", "f1", "iou", "precision")
HIGH_IS_BETTER += ("r2", "recall", "similarity")
LOW_IS_BETTER = ("loss", "error", "rmse", "mse", "mae", "nll", "per", "wer", "cer")
LOW_IS_BETTER += ("perplexity", "entropy", "divergence", "hinge", "poisson")
Schedule = Literal["cosine", "step", "inverse_sqrt", "constant"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: the fields that every template has. A template adds its own."""

    epochs: int = 10  # passes over the training split; 0: weights as they are
    learning_rate: float = 1e-3  # the highest, reached after the warm-up
    optimizer: str = "adamw"  # any optimizer of Keras, in snake_case
    optimizer_arguments: dict[str, Any] = field(default_factory=dict)  # {momentum: .9}
    schedule: Schedule = "cosine"  # how the rate falls after the warm-up
    warmup_epochs: float = 1.0  # epochs of linear rise from 0
    weight_decay: float = 1e-4  # per update; biases and norms are spared
    global_clipnorm: float = 0.0  # largest norm of the whole gradient; 0: no limit
    gradient_accumulation_steps: int = 1  # steps whose gradients make one update
    ema_momentum: float = 0.0  # momentum of the averaged weights, such as 0.999; 0: off
    average_epochs: int = 0  # last epochs whose weights are averaged, if that is better
    precision: Precision = "float32"  # of the computation; weights stay in float32
    jit_compile: bool | Literal["auto"] = "auto"  # XLA; on a CPU it slows convolutions
    loss: str = "cross_entropy"  # a name from `kerazoo list losses`
    loss_arguments: dict[str, Any] = field(default_factory=dict)  # such as {gamma: 2}
    label_smoothing: float = 0.0  # share of the target spread over all classes
    monitor: str = "val_loss"  # which metric picks the best epoch
    monitor_mode: Literal["min", "max", ""] = ""  # which is better; empty: by its name
    early_stopping: int = 0  # epochs without a better one before stopping; 0: off
    seed: int = 0  # of weights, order, dropout and augmentation
    deterministic: bool = False  # also force deterministic kernels; slower
    export: tuple[ExportFormat, ...] = EXPORT_FORMATS  # what to write and verify
    export_tolerance: float = 0.02  # largest fall of the metric that still passes
    experiment: str = "kerazoo"  # the MLflow experiment
    run_name: str = ""  # shown in MLflow; empty: model-data

    def __post_init__(self):
        model = getattr(self, "model", None)  # of a template
        at_least("epochs", self.epochs, 0 if model and model.weights else 1)
        at_least("gradient_accumulation_steps", self.gradient_accumulation_steps, 1)
        above("learning_rate", self.learning_rate, 0)
        names = ("warmup_epochs", "weight_decay", "global_clipnorm", "early_stopping")
        for name in (*names, "export_tolerance", "average_epochs"):
            at_least(name, getattr(self, name), 0)
        share("ema_momentum", self.ema_momentum)
        share("label_smoothing", self.label_smoothing)
        one_of("optimizer", self.optimizer, keras_optimizers())
        for name in self.optimizer_arguments:
            takes = _optimizer_arguments(self.optimizer)
            one_of(f"argument of {self.optimizer}", name, takes)
        one_of("loss", self.loss, losses.list_losses())
        takes = loss_arguments(self.loss)
        smoothing = ["label_smoothing"] if self.label_smoothing else []
        for name in [*self.loss_arguments, *smoothing]:
            one_of(f"argument of {self.loss}", name, takes)
        for name, value in self.loss_arguments.items():
            default = takes[name].default
            if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", default):
                raise ValueError(
                    f"loss_arguments.{name} takes a number, such as {default}; "
                    f"got {value!r}"
                )

    @property
    def better(self) -> Literal["min", "max"]:
        """Whether the lowest or the highest score of `monitor` is the best.

        Raises:
            UserError: its name does not say, and `monitor_mode` neither.
        """
        if self.monitor_mode:
            return self.monitor_mode
        for mode, names in (("max", HIGH_IS_BETTER), ("min", LOW_IS_BETTER)):
            if any(name in self.monitor for name in names):
                return mode
        raise UserError(
            f"monitor: is a higher or a lower {self.monitor} better? Give "
            "--monitor_mode max or min."
        )


def at_least(name: str, value: float, lowest: float) -> None:
    """Raise ValueError unless value ≥ lowest."""
    if not value >= lowest:
        raise ValueError(f"{name} must be at least {lowest}; got {value}")


def above(name: str, value: float, bound: float) -> None:
    """Raise ValueError unless value > bound."""
    if not value > bound:
        raise ValueError(f"{name} must be above {bound}; got {value}")


def share(name: str, value: float) -> None:
    """Raise ValueError unless 0 ≤ value < 1."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and below 1; got {value}")


def one_of(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise ValueError, with the nearest choice, unless value is a choice."""
    if value not in (choices := list(choices)):
        raise ValueError(f"{name}: {not_among(value, choices)}")


def for_task(model: str, task: str) -> None:
    """Raise a ValueError if a model of the zoo is for another task."""
    if zoo.model_card(model).task != task:
        raise ValueError(
            f"model.name: {model} is for {zoo.model_card(model).task}, this is {task}; "
            f"`kerazoo list` has its models, such as {zoo.list_models(task=task)[0]}"
        )


def parse_config(
    config_class: type[Config], arguments: Sequence[str] | None = None, prog: str = ""
) -> Config:
    """Read a config from flags and YAML; a mistake ends the program with status 2.

    Flags beat the file given with `--config`; the file beats the defaults.
    `--print-config` prints the result as YAML.

    Args:
        config_class: a dataclass; nested dataclasses become `--group.field`.
        arguments: command-line arguments; None for the program's own.
        prog: the command shown in the usage line.
    """
    prog = prog or f"python {Path(sys.argv[0]).name}"
    parser = _parser(config_class, prog)
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    known = [option for action in parser._actions for option in action.option_strings]
    free = tuple(f"--{name}." for name in _dictionaries(config_class))
    try:
        for flag in arguments:
            _check_flag(flag, known, free)
            if flag.startswith("--"):
                _check_group(flag.split("=")[0].removeprefix("--"), config_class)
        return parser.instantiate(parser.parse_args(arguments)).as_config
    except (argparse.ArgumentError, ValueError, TypeError) as error:
        message = _one_line(str(error), config_class)
        print(f"{prog}: error: {message}", file=sys.stderr)
        sys.exit(2)


def dump_config(config: Any) -> str:
    """Return a config as YAML that `--config` takes."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes texts such as 1e-3, which are numbers to jsonargparse alone."""

    Dumper.add_representer(str, _quoted)
    plain = _plain(dataclasses.asdict(config))
    return yaml.dump(plain, Dumper=Dumper, sort_keys=False)


def _quoted(dumper, text: str):
    try:
        float(text)
    except ValueError:
        return dumper.represent_str(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'")


def flatten(config: Any) -> dict[str, Any]:
    """Return a config as one level of `group.field` names.

    >>> flatten(TrainingConfig(loss_arguments={"gamma": 2}, loss="focal"))[
    ...     "loss_arguments.gamma"
    ... ]
    2
    """

    def walk(prefix: str, value: Any):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            yield prefix, value

    return dict(walk("", dataclasses.asdict(config)))


def _parser(config_class: type, prog: str):
    import jsonargparse

    class Parser(jsonargparse.ArgumentParser):
        def instantiate(self, cfg):
            values = super().instantiate(cfg)
            names = [f.name for f in dataclasses.fields(config_class)]
            values.as_config = config_class(**{n: values[n] for n in names})
            return values

    parser = Parser(
        prog=prog,
        usage=f"{prog} [--FIELD VALUE ...] [--config FILE] [--print-config]",
        exit_on_error=False,
        allow_abbrev=False,
        print_config="--print-config",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--config", action="config", help="a YAML file of fields")
    parser.add_class_arguments(config_class, as_group=False)
    comments = _comments(config_class)
    for action in parser._actions:
        if action.dest in comments:
            action.help = comments[action.dest].replace("%", "%%")
    kinds = typing.get_type_hints(config_class)
    for group in parser._action_groups:
        for action in group._group_actions:
            if dataclasses.is_dataclass(kind := kinds.get(action.dest)):
                group.title = inspect.getdoc(kind).splitlines()[0].rstrip(".")
                action.help = argparse.SUPPRESS  # a group takes its fields alone
    return parser


def _comments(config_class: type, prefix: str = "") -> dict[str, str]:
    """Read each field's help off the comment behind it."""
    found = {}
    for base in reversed(config_class.__mro__):
        if dataclasses.is_dataclass(base):
            source = inspect.getsource(base)
            lines, (tree,) = source.splitlines(), ast.parse(source).body
            for node in tree.body:
                if isinstance(node, ast.AnnAssign):
                    comment = lines[node.end_lineno - 1].partition("  # ")[2]
                    found[prefix + node.target.id] = comment
    for name, kind in typing.get_type_hints(config_class).items():
        if dataclasses.is_dataclass(kind):
            found |= _comments(kind, f"{prefix}{name}.")
    return found


def _dictionaries(config_class: type, prefix: str = "") -> Iterator[str]:
    """Yield the fields whose keys are the user's own, such as `model.arguments`."""
    for name, kind in typing.get_type_hints(config_class).items():
        if typing.get_origin(kind) is dict:
            yield prefix + name
        elif dataclasses.is_dataclass(kind):
            yield from _dictionaries(kind, f"{prefix}{name}.")


def _check_flag(flag: str, known: list[str], free: tuple[str, ...]) -> None:
    name = flag.split("=")[0].removesuffix("+")
    if name.startswith("--") and name not in known and not name.startswith(free):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"there is no flag {name}.{hint} --help shows them all.")


def _check_group(name: str, config_class: type) -> None:
    kind = typing.get_type_hints(config_class).get(name)
    if dataclasses.is_dataclass(kind):
        first = dataclasses.fields(kind)[0].name
        raise ValueError(
            f"--{name} needs a field, such as --{name}.{first}; --help shows them all."
        )


def _one_line(message: str, config_class: type) -> str:
    """Make one plain sentence of jsonargparse's report on a bad value."""
    key = re.search(r'[Kk]ey "([\w.]+)"', message)
    if unknown := re.search(r"(?:Option|accept(?: nested)? option) '(.*?)'", message):
        group = re.search(r"Group '(.*?)' does not accept", message)
        fields, place = typing.get_type_hints(config_class), ""
        if group:
            fields, place = typing.get_type_hints(fields[group[1]]), f"{group[1]}."
        near = difflib.get_close_matches(unknown[1], fields, n=1, cutoff=0.4)
        hint = f" Did you mean {place}{near[0]}?" if near else ""
        return f"there is no key {place}{unknown[1]}.{hint}"
    given = re.search(r"(?:Given value|Got value): (.*)", message)
    if not (key and given):
        return " ".join(message.split())
    kind: Any = config_class
    for part in key[1].split("."):
        kind = typing.get_type_hints(kind)[part]
    if typing.get_args(kind)[1:] == (type(None),):  # of `float | None` the float
        kind = typing.get_args(kind)[0]
    choices = _choices(kind)
    if choices and not str(kind).startswith("tuple"):
        return f"--{key[1]}: {not_among(given[1], choices)}"
    if choices:
        return (
            f"--{key[1]} takes a list such as [{choices[0]}], of: "
            f"{', '.join(choices)}; got {given[1]!r}."
        )
    if typing.get_origin(kind) is tuple:
        return f"--{key[1]} takes a list, such as [{given[1]}]; got {given[1]!r}."
    wanted = {int: "a whole number", float: "a number", bool: "true or false"}
    return f"--{key[1]} takes {wanted.get(kind, kind)}; got {given[1]!r}."


def _choices(kind: Any) -> list[str]:
    if typing.get_origin(kind) is Literal:
        return [str(choice) for choice in typing.get_args(kind) if choice != ""]
    if typing.get_origin(kind) in (typing.Union, types.UnionType, tuple):
        inside = typing.get_args(kind)
        named = [c for inner in inside for c in _choices(inner)]
        return [*(["true", "false"] if bool in inside else []), *named]
    return []


def keras_optimizers() -> list[str]:
    """Return the names of Keras's optimizers, in snake_case."""
    hidden = {"base_optimizer", "optimizer", "loss_scale_optimizer", "multi_optimizer"}
    names = {file.stem for file in _optimizers().glob("[!_]*.py")} - hidden
    return sorted(name for name in names if not name.endswith("_test"))


def _optimizer_arguments(name: str) -> list[str]:
    """Return what an optimizer takes but for what other fields say."""
    tree = ast.parse((_optimizers() / f"{name}.py").read_text("utf-8"))
    (init,) = (
        part
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name.lower() == name.replace("_", "")
        for part in node.body
        if isinstance(part, ast.FunctionDef) and part.name == "__init__"
    )
    own = {"self", "learning_rate", "weight_decay", "global_clipnorm", "use_ema"}
    own |= {"ema_momentum", "gradient_accumulation_steps"}
    return [each.arg for each in init.args.args if each.arg not in own]


def _optimizers() -> Path:
    # Read off the package's files: importing Keras would take seconds.
    return Path(find_spec("keras").origin).parent / "src" / "optimizers"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value
