"""Which numbers? Every field is a flag (`--epochs 5`, `--data.path photos`) and a YAML
key; `python train.py --help` lists these and the fields of TrainingConfig.
"""

from dataclasses import dataclass, field
from typing import Literal

from kerazoo.harness import (
    ModelConfig,
    TrainingConfig,
    above,
    at_least,
    for_task,
    share,
)


@dataclass(frozen=True)
class DataConfig:
    """Which images, how they are split, and what is done to them."""

    name: Literal[
        "digits", "fashion_mnist", "mnist", "cifar10", "cifar100", "folder", ""
    ] = ""  # empty: "folder" if there is a path, else "digits"
    path: str = ""  # a folder of images, or of the data set's files
    validation_share: float = 0.1  # of the training images, to pick the best epoch
    test_share: float = 0.1  # of all images, where the data set names no test split
    image_size: int = 0  # pixels, the side of the square input; 0: as the data set is
    input_shape: tuple[
        int, ...
    ] = ()  # height, width, channels of a folder; empty: median
    grey: bool = False  # whether a folder's images are read without colour
    max_broken_share: float = 0.05  # of a folder's files, before training refuses
    whole: bool = False  # no splits: all is for test, as kerazoo evaluate takes it
    limit: int = 0  # samples per split, for a quick try; 0: all
    augment: tuple[
        Literal["flip", "shift", "rand_augment", "erase", "mixup", "cutmix"], ...
    ] = ()  # applied to the training images, in this order
    shift: float = 0.1  # of the side, the longest way for "shift"
    label_noise: float = 0.0  # share of training labels made wrong, to compare losses
    imbalance: float = 1.0  # first class to last in training, thinned out to compare

    def __post_init__(self):
        shares = ("validation_share", "test_share", "max_broken_share", "shift")
        for name in (*shares, "label_noise"):
            share(f"data.{name}", getattr(self, name))
        for name in ("validation_share", "test_share"):
            above(f"data.{name}", getattr(self, name), 0)
        if self.input_shape and (
            len(self.input_shape) != 3 or min(self.input_shape) < 1
        ):
            raise ValueError(
                "data.input_shape must be height, width and channels; got "
                f"{list(self.input_shape)}"
            )
        if self.path and self.source in ("digits", "cifar10", "cifar100"):
            raise ValueError(f"data.path: {self.source} needs no path")
        if self.grey and self.source != "folder":
            raise ValueError("data.grey is for a folder of images")
        at_least("data.imbalance", self.imbalance, 1)
        for name in ("image_size", "limit"):
            at_least(f"data.{name}", getattr(self, name), 0)

    @property
    def source(self) -> str:
        """The name, or what an empty one stands for."""
        return self.name or ("folder" if self.path else "digits")


@dataclass(frozen=True)
class Config(TrainingConfig):
    """An image classifier."""

    data: DataConfig = DataConfig()
    model: ModelConfig = field(default_factory=lambda: ModelConfig(name="cnn"))
    experiment: str = "image_classification"  # the MLflow experiment
    epochs: int = 20  # passes over the training split; 0: weights as they are
    batch_size: int = 64  # images per step
    learning_rate: float = 2e-3  # the highest, reached after the warm-up
    weight_decay: float = 1e-2  # per update; biases and norms are spared
    loss: str = "cross_entropy"  # a name from `kerazoo list losses`
    class_weight: Literal["none", "balanced"] = "none"  # rare classes weigh more
    monitor: str = "val_accuracy"  # which metric picks the best epoch

    def __post_init__(self):
        super().__post_init__()
        at_least("batch_size", self.batch_size, 1)
        for_task(self.model.name, "image_classification")
