"""Plain models that a network has to beat, trained on the same rows."""

import numpy as np

NAMES = ("mean", "ridge", "gradient_boosting")


def predictions(
    features: dict[str, tuple[np.ndarray, np.ndarray]], seed: int = 0
) -> dict[str, np.ndarray]:
    """Train the baselines on the training split, and let them answer the test split.

    Args:
        features: by split, (samples, features) encoded numbers and (samples,) targets
            in their own unit.
        seed: of gradient boosting's own validation split.

    Returns:
        `mean`, `ridge` (penalty by leave-one-out) and `gradient_boosting`
        (scikit-learn's HistGradientBoostingRegressor, early stopping): (samples,) each.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV

    (x, y), (x_test, _) = features["train"], features["test"]
    ridge = RidgeCV(alphas=np.logspace(-3, 3, 13)).fit(x, y)
    boosting = HistGradientBoostingRegressor(early_stopping=True, random_state=seed)
    answers = (
        np.full(len(x_test), y.mean()),
        ridge.predict(x_test),
        boosting.fit(x, y).predict(x_test),
    )
    return dict(zip(NAMES, answers, strict=True))
