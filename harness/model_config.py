"""Which model of the zoo, and which weights it begins with."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kerazoo import zoo

# Arguments of models that a template passes itself.
SET_BY_DATA = {
    *("input_shape", "num_classes", "num_features", "cardinalities"),
    *("source_vocabulary", "target_vocabulary"),
}
FACTS = "data.json"  # beside weights: what the numbers that a model takes stand for


@dataclass(frozen=True)
class ModelConfig:
    """Which model of the zoo, and its arguments."""

    name: str = "cnn"  # a name from `kerazoo list`
    arguments: dict[str, Any] = field(default_factory=dict)  # see `kerazoo info NAME`
    weights: str = (
        ""  # to start from: a run's folder, a .keras or .weights.h5 file, a name
    )

    def __post_init__(self):
        zoo.check_arguments(self.name, self.arguments)
        for name in self.arguments:
            if name in SET_BY_DATA:
                raise ValueError(f"model.arguments.{name}: the data set it")
        if zoo.find_weights(self.name, self.arguments.get("weights")):
            raise ValueError("model.arguments.weights: use --model.weights instead")
        if "head" in self.arguments:
            raise ValueError("model.arguments.head: use --head instead")
        if self.weights and not self.file.is_file():
            raise ValueError(f"model.weights: {self._why_not()}")

    @property
    def file(self) -> Path | None:
        """The file of the weights to start from; None if there are none."""
        if not self.weights:
            return None
        if known := zoo.find_weights(self.name, self.weights):
            return known
        place = Path(self.weights).expanduser()
        return place / "best.keras" if place.is_dir() else place

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the run of the weights to start from knew of its data.

        Its classes, columns or vocabularies, from the `data.json` beside the weights;
        nothing if there is none.
        """
        file = self.file and self.file.with_name(FACTS)
        return json.loads(file.read_text("utf-8")) if file and file.is_file() else {}

    def _why_not(self) -> str:
        known = zoo.model_card(self.name).pretrained
        if "weights" in zoo.model_card(self.name).defaults and self.weights in known:
            return f"{self.weights} is given as --model.arguments.weights"
        named = f"; {self.name} has {', '.join(known)} by name" if known else ""
        for other in zoo.list_models(pretrained=True):
            if zoo.find_weights(other, self.weights):
                named = f"; {self.weights} is of --model.name {other}"
        return f"there is no file {self.file}{named}"
