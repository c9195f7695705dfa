"""A table of houses, as people bring them."""

import numpy as np
import pandas as pd

RNG = np.random.default_rng(0)
ROWS = 240


def houses() -> pd.DataFrame:
    """A table with everything that columns may be, and a target that follows them."""
    size = RNG.uniform(30, 200, ROWS)
    town = RNG.choice(["Köln", "Ulm", "Aue"], ROWS)
    days = RNG.integers(0, 9000, ROWS)
    price = 1000 * size + 50_000 * (town == "Köln") + RNG.normal(0, 5000, ROWS)
    frame = pd.DataFrame(
        {
            "size (m²)": np.where(RNG.random(ROWS) < 0.1, np.nan, size.round(1)),
            "town": np.where(RNG.random(ROWS) < 0.1, None, town),
            "garden": RNG.choice(["yes", "no"], ROWS),
            "built": np.datetime64("1990-01-01") + days.astype("timedelta64[D]"),
            "constant": 1,
            "price": price.round(),
        }
    )
    return frame
