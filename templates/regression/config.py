"""Which numbers? Every field is a flag (`--epochs 5`, `--data.path houses.csv`) and a
YAML key; `python train.py --help` lists these and the fields of TrainingConfig.
"""

from dataclasses import dataclass, field
from typing import Literal

from kerazoo.harness import (
    ExportFormat,
    ModelConfig,
    TrainingConfig,
    above,
    at_least,
    for_task,
    one_of,
    share,
)
from kerazoo.zoo import model_card

# By head, the losses between its numbers and a target that is scaled to mean 0.
LOSSES = {
    "mean": (
        *("mse", "mae", "huber", "rmse", "log_cosh", "cauchy", "charbonnier", "tukey"),
        *("wing", "expectile", "general_robust", "balanced_mse", "concordance"),
    ),
    "mean_variance": ("gaussian_nll", "beta_nll", "gaussian_crps", "student_t_nll"),
    "quantiles": ("pinball", "quantile_huber"),
}
LEVELS = (0.05, 0.5, 0.95)  # the quantiles of --head quantiles: the median and 90 %
OUTLIER_RULES = (  # of the features, and of the target; 0 is off
    ("winsorise", "clip_iqr"),
    ("target_winsorise", "target_clip_iqr", "target_drop_iqr"),
)
# Where neither a flag nor the model's own recipe says it.
RECIPE = {"learning_rate": 1e-3, "weight_decay": 1e-4}
KINDS = ("number", "category", "boolean", "date")


@dataclass(frozen=True)
class DataConfig:
    """Which table, what to predict, how it is split and scaled."""

    name: Literal["diabetes", "diamonds", "california", "table", ""] = (
        ""  # empty: "table" if there is a path, else "diabetes"
    )
    path: str = ""  # a .csv, .tsv, .csv.gz or .parquet file
    target: str = ""  # the column to predict; a data set known by name has its own
    exclude: tuple[str, ...] = ()  # columns that are left out
    kinds: dict[str, str] = field(default_factory=dict)  # {zip: category} overrules
    delimiter: str = ""  # between the columns of a text file; empty: by its suffix
    encoding: str = "utf-8"  # of a text file
    split: Literal["random", "stratified", "group", "time"] = "random"  # how
    split_column: str = ""  # of the groups that stay together, or of the time
    validation_share: float = 0.15  # of all rows, to pick the best epoch
    test_share: float = 0.15  # of all rows, looked at once, at the end
    number_transform: Literal["standardise", "quantile"] = "standardise"  # of features
    winsorise: float = 0.0  # share of a number's values at either end drawn inwards
    clip_iqr: float = 0.0  # or: interquartile ranges beyond the quartiles, such as 1.5
    target_transform: Literal["standardise", "log", "box_cox", "yeo_johnson"] = (
        "standardise"  # undone in the model: predictions are in the target's unit
    )
    target_winsorise: float = 0.0  # the same of the training rows' targets; 0: off
    target_clip_iqr: float = 0.0  # the same
    target_drop_iqr: float = 0.0  # or: beyond these the training row is left out
    whole: bool = False  # no splits: all is for test, as kerazoo evaluate takes it
    limit: int = 0  # rows, for a quick try; 0: all
    stream_above: float = 0.25  # GB, unpacked, of a file that is read in pieces
    stream_sample: int = 100_000  # its rows for the encoding, baselines, test scores

    def __post_init__(self):
        for name in ("validation_share", "test_share"):
            above(f"data.{name}", getattr(self, name), 0)
        share(
            "data.validation_share + test_share",
            self.validation_share + self.test_share,
        )
        if self.split in ("group", "time") and not self.split_column:
            raise ValueError(f"data.split {self.split} needs data.split_column")
        for names in OUTLIER_RULES:
            for name in names:
                at_least(f"data.{name}", getattr(self, name), 0)
            if sum(getattr(self, name) > 0 for name in names) > 1:
                raise ValueError(f"data: only one of {', '.join(names)} can be used")
        for name in ("winsorise", "target_winsorise"):
            share(f"data.{name}", 2 * getattr(self, name))
        for name in ("limit", "stream_above"):
            at_least(f"data.{name}", getattr(self, name), 0)
        at_least("data.stream_sample", self.stream_sample, 100)
        for column, kind in self.kinds.items():
            one_of(f"data.kinds.{column}", kind, KINDS)
        if self.source == "table" and not (self.path and self.target):
            raise ValueError("a table needs --data.path FILE and --data.target COLUMN")

    @property
    def source(self) -> str:
        """The name, or what an empty one stands for."""
        return self.name or ("table" if self.path else "diabetes")


@dataclass(frozen=True)
class Config(TrainingConfig):
    """A regression model of a table."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=lambda: ModelConfig(name="mlp"))
    head: Literal["mean", "mean_variance", "quantiles"] = "mean"  # what is predicted
    ensemble: int = 1  # models trained from different seeds, and averaged
    experiment: str = "regression"  # the MLflow experiment
    epochs: int = 60  # passes over the training split; 0: weights as they are
    batch_size: int = 64  # rows per step
    learning_rate: float | None = None  # the highest; none: the model's own, or 1e-3
    weight_decay: float | None = None  # per update; none: the model's own, or 1e-4
    loss: str = "mse"  # a name from `kerazoo list losses`; it must fit the head
    # Which metric picks the best epoch; empty: val_rmse, and with intervals val_loss,
    # as the error of the prediction says nothing of its bounds.
    monitor: str = ""
    early_stopping: int = 16  # epochs without a better one before stopping; 0: off
    # What to write. tflite-int8 is for the network alone, and for tables without far
    # outliers: all numbers share 256 steps.
    export: tuple[ExportFormat, ...] = (
        *("saved_model", "tflite", "tflite-fp16", "tflite-int8-dynamic"),
    )

    def __post_init__(self):
        # What is written down with a run is what was meant.
        for name, value in {**RECIPE, **model_card(self.model.name).recipe}.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        if not self.monitor:
            picks = "val_rmse" if self.head == "mean" else "val_loss"
            object.__setattr__(self, "monitor", picks)
        super().__post_init__()
        for_task(self.model.name, "regression")
        at_least("batch_size", self.batch_size, 1)
        at_least("ensemble", self.ensemble, 1)
        if self.loss not in LOSSES[self.head]:
            others = [head for head, names in LOSSES.items() if self.loss in names]
            why = f"is for --head {others[0]}" if others else "fits no scaled target"
            raise ValueError(
                f"loss: {self.loss} {why}; with --head {self.head} take one of "
                f"{', '.join(LOSSES[self.head])}"
            )
