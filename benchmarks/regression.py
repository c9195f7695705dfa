"""Zoo models on tables, beside ridge regression and gradient-boosted trees.

    python benchmarks/regression.py [--only MODEL …] [--data DATA …]

Every model is trained with five seeds on one fixed split, by the regression template's
own code; the best epoch, or number of trees, is the one with the lowest validation
error, and the test rows are used once, at its end. Each result is kept in
`regression.json` when it is there, and what is there is not trained again. Needs the
extras `dev` and `diamonds`.
"""

import argparse
import functools
import json
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from common import FOLDER, head, machine, write

from kerazoo.harness import training
from kerazoo.harness.data import collect
from kerazoo.harness.export.exam import RMSE
from kerazoo.harness.export.export import export
from kerazoo.harness.export.verdicts import failures
from kerazoo.harness.own_code import imported_from

SEEDS = range(5)
TEMPLATE = FOLDER.parent / "templates" / "regression"
RESULTS = FOLDER / "regression.json"
SPLIT = ["--data.validation_share", "0.1", "--data.test_share", "0.2", "--seed", "0"]
DIAMONDS = [
    *("--data.name", "diamonds", "--data.winsorise", "0.001", "--monitor", "val_loss"),
    *("--batch_size", "512", "--epochs", "60", "--early_stopping", "12"),
]
RECIPE = {
    "price": DIAMONDS,
    "log price": [*DIAMONDS, "--data.target_transform", "log"],
    "diabetes": [
        *("--data.name", "diabetes"),
        *("--batch_size", "64", "--epochs", "150", "--early_stopping", "30"),
    ],
}
TABM = {"num_members": 32, "depth": 2, "width": 128}
PIECEWISE = {"embeddings": "piecewise_linear"}
FINE = {"width": 256, "embedding_options": {"num_bins": 128}}
FT_TRANSFORMER = {"num_blocks": 2, "width": 64, "num_heads": 4, "hidden": 128}
# With as many rows as diamonds has, dropout made validation errors worse: an MLP's of
# the logarithm from 0.10 to 0.16; also a ResNet's and TabM's.
WITHOUT_DROPOUT = ("price", "log price")
# Rows in a batch, where not those of RECIPE. With 256, 128 and 64 rows the validation
# error of the logarithm was 0.0880, 0.0862 and 0.0840 (seed 0); smaller was not tried.
BATCH_SIZE = {"tabm, wide, batches of 64": 64}
# (zoo model, its arguments, learning rate, weight decay): sizes that two cores train.
MODELS = {
    "linear": ("linear", {}, 1e-2, 0.0),
    "mlp": ("mlp", {}, 1e-3, 1e-5),
    "mlp, embeddings": ("mlp", PIECEWISE, 1e-3, 1e-5),
    "tabular_resnet": ("tabular_resnet", {}, 1e-3, 1e-5),
    "wide_and_deep": ("wide_and_deep", {}, 1e-3, 1e-5),
    "snn": ("snn", {}, 1e-3, 1e-5),
    "dcn_v2": ("dcn_v2", {}, 1e-3, 1e-5),
    "ft_transformer": ("ft_transformer", FT_TRANSFORMER, 1e-3, 1e-5),
    "tabm_mini": ("tabm_mini", TABM | PIECEWISE, 2e-3, 3e-4),
    "tabm": ("tabm", TABM | PIECEWISE, 2e-3, 3e-4),
    "tabm, wide": ("tabm", TABM | PIECEWISE | FINE, 2e-3, 3e-4),
    "tabm, wide, batches of 64": ("tabm", TABM | PIECEWISE | FINE, 2e-3, 3e-4),
}
PEERS = ("ridge", "HistGradientBoosting", "XGBoost", "LightGBM")
FORMATS = ("tflite", "tflite-int8-dynamic")

TEXT = """# Tables

Root-mean-square error on the test rows, mean ± standard deviation of {seeds} seeds on
one fixed split (70 % to train, 10 % to pick the best epoch or number of trees, 20 % to
test once); {machine}. The machine was busy with other work, so that seconds are upper
bounds. A file's size is that of the TFLite file that takes the raw columns, as float32
and as dynamic int8; every file was verified against Keras. Made by `python
benchmarks/regression.py`.

## Diamonds

37,656 / 5,379 / 10,759 rows, 9 columns, no repeated rows. Models were trained on the
price, or on its logarithm, of which the last columns are; an empty cell was not run.
The sizes of `tabm, wide` were picked by the validation error of seed 0, on the price;
its batches of 64 on the logarithm.

{diamonds}

## Diabetes

309 / 45 / 88 rows, 10 columns; the target is how far the illness went (25 to 346). So
few rows that the seeds' spread is as large as most differences.

{diabetes}

The zoo's models run with these arguments, learning rates and weight decays, those of
their papers but for sizes that two cores can train; batches of 512 rows on diamonds,
but for the last model, and of 64 on diabetes; at most 60 and 150 epochs. On diamonds
none has dropout (`"dropout": 0`): there it made the validation errors of `mlp`,
`tabular_resnet` and `tabm_mini` worse. A model without a row was not run.

{arguments}
"""


@functools.cache
def load(data: str, batch_size: int | None = None):
    """Load a table with the template's own code, under its own split."""
    with imported_from(TEMPLATE):
        from config import Config
        from data import load_data

        from kerazoo.harness import parse_config

        batches = ["--batch_size", str(batch_size)] if batch_size else []
        config = parse_config(Config, [*RECIPE[data], *SPLIT, *batches])
        return load_data(config)


def train(label: str, data_name: str, data, seed: int, with_export: bool) -> dict:
    """Train a zoo model as the template does; return its errors, seconds and sizes."""
    name, arguments, rate, decay = MODELS[label]
    if data_name in WITHOUT_DROPOUT and name != "linear":
        arguments = {**arguments, "dropout": 0.0}
    flags = [*RECIPE[data_name], *SPLIT, "--model.name", name]
    flags += ["--learning_rate", str(rate), "--weight_decay", str(decay)]
    with imported_from(TEMPLATE), tempfile.TemporaryDirectory() as folder:
        from config import Config
        from loss import build_loss, build_metrics
        from model import build_model, build_product

        from kerazoo.harness import build_optimizer, parse_config

        given = [f"--model.arguments={json.dumps(arguments)}"] if arguments else []
        config = parse_config(Config, [*flags, *given])
        training.prepare(config)
        keras.utils.set_random_seed(seed)
        model = build_model(config, data)
        model.compile(
            optimizer=build_optimizer(config, data),
            loss=build_loss(config),
            metrics=build_metrics(config, data),
        )
        start = time.monotonic()
        training.fit(model, data, config, Path(folder), [])
        seconds = time.monotonic() - start
        product = build_product(config, model, data)
        predicted = [np.asarray(product(x))[:, 0] for x, _ in data.served.test]
        _, targets = collect(data.served.test)
        result = {
            **errors(np.concatenate(predicted), targets),
            "seconds": seconds,
            "params": model.count_params(),
        }
        if with_export:
            result["sizes"] = exported_sizes(product, data.served, Path(folder))
        return result


def exported_sizes(product, served, folder: Path) -> dict[str, int]:
    """Export a trained model, verify it, and return its files' bytes."""
    inputs, targets = collect(served.validation, 500)
    verdicts = export(
        product,
        folder / "exports",
        FORMATS,
        calibration=served.calibration,
        inputs=inputs,
        targets=targets,
        metric=RMSE,
        tolerance=0.01,
        metadata={},
    )
    if failed := failures(verdicts):
        raise RuntimeError("; ".join(failed))
    return {verdict.format: verdict.size for verdict in verdicts}


def train_peer(label: str, data_name: str, data, seed: int) -> dict:
    """Train a peer on the same rows, categories as such where it knows them."""
    with_log = data_name == "log price"
    (x, y), (x_val, y_val), (x_test, y_test) = frames(data, label == "ridge")
    if with_log:
        y, y_val = np.log(y), np.log(y_val)
    start = time.monotonic()
    model = fit_peer(label, x, y, x_val, y_val, seed)
    seconds = time.monotonic() - start
    predicted = model.predict(x_test)
    if with_log:
        predicted = np.exp(predicted)
    return {**errors(predicted, y_test), "seconds": seconds}


def fit_peer(label: str, x, y, x_val, y_val, seed: int):
    """Fit one peer; trees stop when the validation error no longer falls."""
    if label == "ridge":
        from sklearn.linear_model import RidgeCV

        return RidgeCV(alphas=np.logspace(-3, 3, 13)).fit(x, y)
    if label == "HistGradientBoosting":
        from sklearn.ensemble import HistGradientBoostingRegressor

        model = HistGradientBoostingRegressor(
            max_iter=3000,
            learning_rate=0.05,
            early_stopping=True,
            n_iter_no_change=50,
            categorical_features="from_dtype",
            max_features=0.8,
            random_state=seed,
        )
        return model.fit(x, y, X_val=x_val, y_val=y_val)
    if label == "XGBoost":
        from xgboost import XGBRegressor

        model = XGBRegressor(
            n_estimators=3000,
            learning_rate=0.05,
            subsample=0.8,
            colsample_bytree=0.8,
            enable_categorical=True,
            early_stopping_rounds=50,
            random_state=seed,
        )
        return model.fit(x, y, eval_set=[(x_val, y_val)], verbose=False)
    from lightgbm import LGBMRegressor, early_stopping

    model = LGBMRegressor(
        n_estimators=3000,
        learning_rate=0.05,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        random_state=seed,
        verbosity=-1,
    )
    stop = early_stopping(50, verbose=False)
    return model.fit(x, y, eval_set=[(x_val, y_val)], callbacks=[stop])


def frames(data, encoded: bool) -> list:
    """Return (columns, targets) of the three splits, for peers."""
    import pandas as pd

    if encoded:
        splits = ("train", "validation", "test")
        return [data.served.features[split] for split in splits]
    parts = [data.served.train, data.served.validation, data.served.test]
    found = [collect(part) for part in parts]
    whole = pd.concat([pd.DataFrame(columns) for columns, _ in found])
    for name in whole.columns:
        if whole[name].dtype.kind not in "fi":
            whole[name] = whole[name].astype("category")
    ends = np.cumsum([len(targets) for _, targets in found])
    starts = [0, *ends[:-1]]
    targets = [targets for _, targets in found]
    return [(whole.iloc[a:b], y) for a, b, y in zip(starts, ends, targets, strict=True)]


def errors(predicted: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Return the errors in the target's unit, and of logarithms."""
    squared = (predicted - targets) ** 2
    logs = np.log(np.maximum(predicted, 1.0)) - np.log(targets)
    return {
        "rmse": float(np.sqrt(squared.mean(dtype="float64"))),
        "log_rmse": float(np.sqrt((logs**2).mean(dtype="float64"))),
    }


def table(results: dict, columns: list[tuple[str, str, str, int]]) -> str:
    """Return the rows of one table, in Markdown.

    Args:
        results: by data, model and seed.
        columns: of each the title, the data, the error, and its decimals.
    """
    titles = [title for title, *_ in columns]
    lines = [head("model", *titles, "training seconds", "parameters", "exported size")]
    for label in (*PEERS, *MODELS):
        cells, runs = [f"`{label}`" if label in MODELS else label], []
        for _, data, key, digits in columns:
            found = [results.get(f"{data}/{label}/{seed}") for seed in SEEDS]
            cells.append("" if None in found else spread(found, key, digits))
            runs = runs if None in found else found
        if not runs:
            continue
        cells.append(f"{np.median([run['seconds'] for run in runs]):.1f}")
        if label in MODELS:
            sizes = " / ".join(f"{v / 1e3:,.0f}" for v in runs[0]["sizes"].values())
            cells += [f"{runs[0]['params']:,}", f"{sizes} kB"]
        else:
            cells += ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(runs: list[dict], key: str, digits: int) -> str:
    """Return mean ± standard deviation over the seeds; without it where it is none."""
    values = np.array([run[key] for run in runs])
    mean = f"{values.mean():.{digits}f}"
    deviation = values.std(ddof=1)
    return f"{mean} ± {deviation:.{digits}f}" if deviation > 1e-9 else mean


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[*PEERS, *MODELS])
    parser.add_argument("--data", nargs="*", default=list(RECIPE))
    chosen = parser.parse_args(arguments)
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for data_name in chosen.data:
        for seed in SEEDS:
            for label in chosen.only:
                key = f"{data_name}/{label}/{seed}"
                if key in results:
                    continue
                data = load(data_name, BATCH_SIZE.get(label))
                if label in MODELS:
                    results[key] = train(label, data_name, data, seed, seed == 0)
                else:
                    results[key] = train_peer(label, data_name, data, seed)
                print(key, results[key], flush=True)
                RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    sizes = "\n".join(
        f"- `{label}`: `{name}` {json.dumps(given)}, {rate:g}, {decay:g}"
        for label, (name, given, rate, decay) in MODELS.items()
    )
    text = TEXT.format(
        seeds=len(SEEDS),
        machine=machine(),
        diamonds=table(
            results,
            [
                ("trained on $: RMSE, $", "price", "rmse", 1),
                ("trained on logs: RMSE, $", "log price", "rmse", 1),
                ("RMSE of logs", "log price", "log_rmse", 4),
            ],
        ),
        diabetes=table(results, [("RMSE", "diabetes", "rmse", 1)]),
        arguments=sizes,
    )
    write("regression", text)


if __name__ == "__main__":
    main(sys.argv[1:])
