"""Configs: defaults, YAML, flags, and what a mistake is answered with."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
import yaml

from kerazoo.harness import ModelConfig, TrainingConfig, parse_config
from kerazoo.harness.config import (
    EXPORT_FORMATS,
    dump_config,
    flatten,
    one_of,
)
from kerazoo.harness.errors import UserError
from kerazoo.harness.wording import not_among


@dataclass(frozen=True)
class Inner:
    """A group of fields."""

    path: str = ""  # a folder, 100% yours
    sizes: tuple[int, ...] = ()  # pixels
    kind: Literal["red", "green"] = "red"  # a colour


@dataclass(frozen=True)
class Config(TrainingConfig):
    """A config as a template has one."""

    data: Inner = Inner()
    model: ModelConfig = field(default_factory=ModelConfig)
    epochs: int = 20  # rounds of this template


def parse(*flags: str) -> Config:
    return parse_config(Config, flags, prog="train")


def value(config: Any, name: str) -> Any:
    for part in name.split("."):
        config = config[part] if isinstance(config, dict) else getattr(config, part)
    return config


@pytest.mark.parametrize(
    ("flags", "name", "expected"),
    [
        ("", "epochs", 20),
        ("--epochs 3", "epochs", 3),
        ("--epochs=3", "epochs", 3),
        ("--data.path data --run_name model", "data.path", "data"),
        ("--learning_rate 1e-2", "learning_rate", 0.01),
        ("--weight_decay 0", "weight_decay", 0.0),
        ("--deterministic true", "deterministic", True),
        ("--jit_compile auto", "jit_compile", "auto"),
        ("--jit_compile false", "jit_compile", False),
        ("--data.path my/photos", "data.path", "my/photos"),
        ("--data.path 2024", "data.path", "2024"),
        ("--data.sizes [3,4]", "data.sizes", (3, 4)),
        ("--data.kind green", "data.kind", "green"),
        ("--export [tflite]", "export", ("tflite",)),
        ("--export []", "export", ()),
        ("--model.name resnet20", "model.name", "resnet20"),
        ("--model.arguments.dropout 0.5", "model.arguments.dropout", 0.5),
        ("--model.arguments.filters [8,16]", "model.arguments.filters", [8, 16]),
        ("--optimizer_arguments.beta_1 0.9", "optimizer_arguments.beta_1", 0.9),
        ("--loss focal --loss_arguments.gamma 1", "loss_arguments", {"gamma": 1}),
    ],
)
def test_flags_become_values(flags, name, expected):
    found = value(parse(*flags.split()), name)
    assert found == expected and type(found) is type(expected)


def test_flags_beat_the_file_and_the_file_beats_defaults(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text(
        "epochs: 5\ngradient_accumulation_steps: 16\n"
        "model: {name: resnet20, arguments: {dropout: 0.1}}\n"
    )
    config = parse("--config", str(file), "--epochs", "7")
    assert (config.epochs, config.gradient_accumulation_steps, config.seed) == (
        7,
        16,
        0,
    )
    assert config.model == ModelConfig("resnet20", {"dropout": 0.1})
    assert parse("--epochs", "7", "--config", str(file)).epochs == 5  # the later wins


def test_what_is_printed_can_be_read_again(tmp_path, capsys):
    flags = ["--data.path", "photos", "--model.name", "resnet20", "--epochs", "3"]
    flags += ["--model.arguments.dropout", "0.1", "--export", "[tflite,saved_model]"]
    flags += ["--learning_rate", "1e-5", "--data.sizes", "[1,2]"]
    with pytest.raises(SystemExit) as end:
        parse(*flags, "--print-config")
    assert end.value.code in (0, None)
    file = tmp_path / "my.yaml"
    file.write_text(capsys.readouterr().out)
    assert parse("--config", str(file)) == parse(*flags)


@pytest.mark.parametrize(
    "flags",
    [
        "",
        "--export [] --data.sizes [1,2] --loss focal --loss_arguments.gamma 2.5",
        "--model.arguments.filters [8,16] --run_name 'a:b' --learning_rate 1e-7",
        "--run_name 1e-3 --data.path 1e3",
    ],
)
def test_a_stored_config_can_be_read_again(flags, tmp_path):
    config = parse(*flags.split())
    file = tmp_path / "config.yaml"
    file.write_text(dump_config(config))
    assert parse("--config", str(file)) == config
    assert set(yaml.safe_load(file.read_text())) == {
        field.name for field in dataclasses.fields(Config)
    }


def test_flattened_names_are_the_flags():
    flags = ["--model.arguments.dropout", "0.1", "--data.sizes", "[1,2]"]
    flat = flatten(parse(*flags))
    assert flat["model.arguments.dropout"] == 0.1
    assert flat["data.sizes"] == (1, 2)
    assert flat["epochs"] == 20 and flat["data.kind"] == "red"


def test_comments_become_help(capsys):
    with pytest.raises(SystemExit) as end:
        parse("--help")
    assert end.value.code in (0, None)
    shown = " ".join(capsys.readouterr().out.split())
    for text in (
        "rounds of this template",  # overrides the comment of the field it overrides
        "any optimizer of Keras, in snake_case (default: adamw)",
        "a folder, 100% yours",
        "a name from `kerazoo list`",
        "A group of fields: ",
        "Which model of the zoo, and its arguments: ",
    ):
        assert text in shown
    assert "passes over the training split" not in shown
    assert "<class" not in shown and "Path to a configuration file" not in shown


def test_every_field_of_the_harness_has_help():
    from kerazoo.harness.config import _comments

    wanted = {f.name for f in dataclasses.fields(TrainingConfig)}
    assert set(_comments(TrainingConfig)) == wanted


MISTAKES = [
    ("--epocs 3", "there is no flag --epocs. Did you mean --epochs?"),
    ("--epocs=3", "there is no flag --epocs. Did you mean --epochs?"),
    ("--data.pth x", "there is no flag --data.pth. Did you mean --data.path?"),
    ("--modelname x", "there is no flag --modelname. Did you mean --model.name?"),
    ("--epoch 3", "there is no flag --epoch. Did you mean --epochs?"),
    ("stray", "stray"),
    ("--epochs many", "--epochs takes a whole number; got 'many'."),
    ("--epochs 1.5", "--epochs takes a whole number; got '1.5'."),
    ("--learning_rate fast", "--learning_rate takes a number; got 'fast'."),
    ("--deterministic perhaps", "--deterministic takes true or false; got 'perhaps'."),
    ("--epochs 0", "epochs must be at least 1; got 0"),
    (
        "--gradient_accumulation_steps 0",
        "gradient_accumulation_steps must be at least 1; got 0",
    ),
    ("--learning_rate 0", "learning_rate must be above 0; got 0"),
    ("--learning_rate nan", "--learning_rate takes a number; got 'nan'."),
    ("--weight_decay -1", "weight_decay must be at least 0; got -1"),
    ("--warmup_epochs -1", "warmup_epochs must be at least 0; got -1"),
    ("--global_clipnorm -1", "global_clipnorm must be at least 0; got -1"),
    ("--ema_momentum 1", "ema_momentum must be at least 0 and below 1; got 1"),
    ("--export_tolerance -1", "export_tolerance must be at least 0; got -1"),
    ("--label_smoothing 1", "label_smoothing must be at least 0 and below 1; got 1"),
    ("--schedule cosin", "--schedule: 'cosin' is not known. Did you mean 'cosine'?"),
    ("--precision float64", "--precision: 'float64' is not known. Did you mean 'float"),
    ("--data.kind gren", "--data.kind: 'gren' is not known. Did you mean 'green'?"),
    (
        "--optimizer sgd --optimizer_arguments.momentm .9",
        "argument of sgd: 'momentm' is not known. Did you mean 'momentum'?",
    ),
    ("--model cnn", "--model needs a field, such as --model.name; --help shows"),
    ("--model.arguments.num_classes 3", "num_classes: the data set it"),
    ("--optimizer adamm", "optimizer: 'adamm' is not known. Did you mean 'adam'?"),
    ("--loss focul", "loss: 'focul' is not known. Did you mean 'focal'?"),
    ("--export tflight", "--export takes a list such as [saved_model], of: saved"),
    ("--export [tflight]", "--export takes a list such as [saved_model], of: saved"),
    ("--data.sizes [a]", "--data.sizes takes"),
    ("--data.sizes 3", "--data.sizes takes a list, such as [3]; got '3'."),
    ("--jit_compile xyz", "'xyz' is not known. Choose from: true, false, auto."),
    ("--model.name resnet2", "There is no model 'resnet2' in the zoo. Did you mean"),
    ("--model.arguments.dropuot 1", "no argument 'dropuot'. Did you mean 'dropout'?"),
    (
        "--loss focal --loss_arguments.gama 1",
        "'gama' is not known. Did you mean 'gamma'? Choose from: gamma, alpha, ",
    ),
    (
        "--loss focal --loss_arguments.gamma x",
        "loss_arguments.gamma takes a number, such as 2.0; got 'x'",
    ),
    (
        "--loss hinge --label_smoothing 0.1",
        "hinge: 'label_smoothing' is not known.",
    ),
    ("--config gone.yaml", "gone.yaml"),
]


@pytest.mark.parametrize(("flags", "message"), MISTAKES)
def test_a_mistake_is_answered_in_one_line(flags, message, capsys):
    with pytest.raises(SystemExit) as end:
        parse(*flags.split())
    out, line = capsys.readouterr()
    assert end.value.code == 2 and out == ""
    assert line.startswith("train: error: ") and message in line
    assert line.count("\n") == 1 and line.endswith("\n") and len(line) < 1000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epocs: 3", "there is no key epocs. Did you mean epochs?"),
        ("epochs: many", "--epochs takes a whole number; got 'many'."),
        ("data: {pth: x}", "there is no key data.pth. Did you mean data.path?"),
        ("epochs: [", ""),
        ("- epochs", ""),
    ],
)
def test_a_mistake_in_a_file_is_answered_in_one_line(
    content, message, capsys, tmp_path
):
    file = tmp_path / "my.yaml"
    file.write_text(content)
    with pytest.raises(SystemExit) as end:
        parse("--config", str(file))
    line = capsys.readouterr().err
    assert end.value.code == 2 and line.count("\n") == 1
    assert line.startswith("train: error: ") and message in line


def test_the_wrong_item_of_a_list_is_named(capsys):
    with pytest.raises(SystemExit):
        parse("--export", "[tflite,flop]")
    assert capsys.readouterr().err.endswith("got 'flop'.\n")


def test_near_choices():
    assert not_among("cn", ["cnn", "losses"]) == (
        "'cn' is not known. Did you mean 'cnn'? Choose from: cnn, losses."
    )
    choices = ["resnet32", "resnet20", "resnet56"]
    assert "Did you mean 'resnet20'?" in not_among("resnet2", choices)
    assert "Did you mean" not in not_among("xyz", ["cnn", "losses"])
    one_of("name", "cnn", iter(["cnn"]))
    with pytest.raises(ValueError, match=r"^name: 'cn' is not known\. .*'cnn'"):
        one_of("name", "cn", iter(["cnn"]))


def test_every_optimizer_of_keras_is_known():
    import keras

    from kerazoo.harness.config import keras_optimizers

    classes = {
        name.lower()
        for name, kind in vars(keras.optimizers).items()
        if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)
    }
    ours = {name.replace("_", "") for name in keras_optimizers()}
    assert classes - {"optimizer", "lossscaleoptimizer", "multioptimizer"} == ours


@pytest.mark.parametrize(
    ("monitor", "mode", "better"),
    [
        ("val_loss", "", "min"),
        ("val_rmse", "", "min"),
        ("val_per", "", "min"),
        ("val_accuracy", "", "max"),
        ("val_token_accuracy", "", "max"),
        ("val_chrf", "", "max"),
        ("val_loss", "max", "max"),
        ("val_accuracy", "min", "min"),
    ],
)
def test_which_epoch_is_the_best_goes_by_the_name_of_the_metric(monitor, mode, better):
    config = TrainingConfig(monitor=monitor, monitor_mode=mode)
    assert config.better == better


def test_a_metric_whose_name_says_nothing_needs_a_direction():
    with pytest.raises(UserError, match=r"higher or a lower val_kappa better\? Give"):
        _ = TrainingConfig(monitor="val_kappa").better
    assert TrainingConfig(monitor="val_kappa", monitor_mode="max").better == "max"


def test_a_config_can_be_neither_changed_nor_wrong():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().epochs = 3
    with pytest.raises(ValueError, match="epochs must be at least 1; got 0"):
        Config(epochs=0)
    assert Config().export == EXPORT_FORMATS
