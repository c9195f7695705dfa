"""How a target is transformed and standardised for training.

`table_encoder.decode` and `tabular.decode_in_graph` are the ways back.
"""

from typing import Any, Literal

import numpy as np

from kerazoo.harness.errors import DataError

Transform = Literal["standardise", "log", "box_cox", "yeo_johnson"]


def fit_target(y: np.ndarray, transform: Transform) -> dict[str, Any]:
    """Read off training targets how they are transformed and standardised.

    Box & Cox 1964 (powers of targets above 0, over their geometric mean, so that no
    digits are lost); Yeo & Johnson 2000, doi:10.1093/biomet/87.4.954. The powers are
    the likeliest ones.

    Args:
        y: (rows,) in the target's own unit.
        transform: before standardisation.

    Raises:
        DataError: `log` or `box_cox` of a target that is not above 0.
    """
    fitted: dict[str, Any] = {"transform": transform}
    if transform in ("log", "box_cox") and y.min() <= 0:
        raise DataError(
            f"--data.target_transform {transform} needs targets above 0; the smallest "
            f"is {y.min():g}. yeo_johnson takes any number."
        )
    if transform == "box_cox":
        fitted["unit"] = float(np.exp(np.log(y).mean()))
        fitted["power"] = _likeliest_power(y / fitted["unit"], "box-cox")
    elif transform == "yeo_johnson":
        fitted["power"] = _likeliest_power(y, "yeo-johnson")
    y = _transformed(y, fitted)
    return {**fitted, "center": float(y.mean()), "scale": float(y.std() or 1.0)}


def scale_target(y: np.ndarray, target: dict[str, Any]) -> np.ndarray:
    """Return targets as a model is trained on them, float32."""
    y = _transformed(y, target)
    return ((y - target["center"]) / target["scale"]).astype("float32")


def _transformed(y: np.ndarray, target: dict[str, Any]) -> np.ndarray:
    transform = target["transform"]
    if transform in ("log", "box_cox"):
        # Rows that were not there when the bound was checked.
        y = np.maximum(y, np.finfo("float32").tiny)
    if transform == "log":
        return np.log(y)
    if transform == "box_cox":
        from scipy.special import boxcox

        return boxcox(y / target["unit"], target["power"])
    if transform == "yeo_johnson":
        from scipy.stats import yeojohnson

        return yeojohnson(y, target["power"])
    return y


def _likeliest_power(y: np.ndarray, method: str) -> float:
    from sklearn.preprocessing import PowerTransformer

    fit = PowerTransformer(method=method, standardize=False).fit(y[:, None])
    return float(fit.lambdas_[0])
