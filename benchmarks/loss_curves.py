"""Draw what losses charge: against the margin of the true class, and the residual.

python benchmarks/loss_curves.py [FOLDER], the folder being losses/ unless given.
"""

import sys
from io import BytesIO
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from kerazoo import losses

NUM_POINTS = 401
# Apart in grey as well: the darker ones are solid, the lighter ones broken.
STYLES = [
    {"color": "#000000", "linestyle": "-", "linewidth": 2.6},
    {"color": "#0072b2", "linestyle": "-", "linewidth": 1.8},
    {"color": "#c04a00", "linestyle": "--", "linewidth": 1.8},
    {"color": "#008f68", "linestyle": "-.", "linewidth": 1.8},
    {"color": "#b0589a", "linestyle": ":", "linewidth": 2.2},
]
# Title of a panel → loss, arguments, label, and where that stands: x, y, alignment.
Curve = tuple[str, dict, str, tuple[float, float, str]]
CLASSIFICATION: dict[str, list[Curve]] = {
    "How soon a sample is easy": [
        ("cross_entropy", {}, "cross_entropy", (0.9, 0.5, "left")),
        ("focal", {"gamma": 2.0}, "focal, gamma 2", (-2.1, 0.9, "right")),
        ("categorical_hinge", {}, "categorical_hinge", (-3.3, 4.5, "left")),
    ],
    "What a wrong label may cost": [
        ("cross_entropy", {}, "cross_entropy", (-4.5, 5.0, "left")),
        ("bi_tempered", {}, "bi_tempered", (-5.3, 2.5, "left")),
        ("symmetric_cross_entropy", {}, "symmetric_cross_entropy", (-1.0, 3.3, "left")),
        (
            "generalized_cross_entropy",
            {},
            "generalized_cross_entropy",
            (-5.8, 0.5, "left"),
        ),
    ],
}
REGRESSION: dict[str, list[Curve]] = {
    "How hard an outlier pulls": [
        ("mse", {}, "mse", (2.05, 3.65, "left")),
        ("mae", {}, "mae", (4.1, 3.95, "left")),
        ("huber", {"delta": 1.0}, "huber, delta 1", (4.1, 3.4, "left")),
        ("cauchy", {"scale": 1.0}, "cauchy, scale 1", (4.1, 1.35, "left")),
        ("tukey", {"c": 2.0}, "tukey, c 2", (4.1, 0.6, "left")),
    ],
    "Too low costs more than too high": [
        ("mae", {}, "mae", (4.1, 3.95, "left")),
        ("pinball", {"quantile": 0.9}, "pinball, 0.9", (4.1, 3.5, "left")),
        ("expectile", {"expectile": 0.9}, "expectile, 0.9", (1.7, 3.3, "right")),
    ],
}


def by_margin(name: str, arguments: dict, margin: np.ndarray) -> np.ndarray:
    """Return the loss of a sample whose true class leads the other by a margin."""
    scores = np.stack([margin, np.zeros_like(margin)], axis=1)
    loss = losses.get(name, reduction=None, dtype="float64", **arguments)
    return np.asarray(loss(np.zeros(len(margin), int), scores))


def by_residual(name: str, arguments: dict, residual: np.ndarray) -> np.ndarray:
    """Return the loss of a residual, y_true - y_pred."""
    loss = losses.get(name, reduction=None, dtype="float64", **arguments)
    return np.asarray(loss(residual[:, None], np.zeros((len(residual), 1))))


def draw(panels: dict, cost, x: np.ndarray, highest: float, xlabel: str, file: Path):
    figure, axes = plt.subplots(1, len(panels), figsize=(9, 3.5), sharey=True)
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        for (name, arguments, label, place), style in zip(curves, STYLES, strict=False):
            axis.plot(x, cost(name, arguments, x), **style)
            axis.text(*place[:2], label, ha=place[2], color=style["color"])
        axis.set_title(title, loc="left")
        axis.set_xlabel(xlabel)
        axis.set_xlim(x[0], x[-1])
        axis.set_ylim(0, highest)
        axis.grid(color="#e8e8e8")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("loss")
    figure.tight_layout(w_pad=2)
    # Few colours, and so a palette: a third of the bytes.
    picture = BytesIO()
    figure.savefig(picture, dpi=150)
    plt.close(figure)
    Image.open(picture).convert("RGB").quantize(64).save(file, optimize=True)
    print(file)


def main(folder: Path) -> None:
    x, label = np.linspace(-6, 4, NUM_POINTS), "lead of the true class's score"
    file = folder / "curves_classification.png"
    draw(CLASSIFICATION, by_margin, x, 6.0, label, file)
    x, label = np.linspace(-4, 4, NUM_POINTS), "y_true - y_pred"
    draw(REGRESSION, by_residual, x, 4.0, label, folder / "curves_regression.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(losses.__file__).parent)
