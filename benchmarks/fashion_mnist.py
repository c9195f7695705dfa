"""Zoo models on Fashion-MNIST: accuracy, size, minutes and speed on a device.

    python benchmarks/fashion_mnist.py [MODEL …]

Trains what is not yet in the MLflow store (`MLFLOW_TRACKING_URI`, or `mlflow.db` here)
under its run name, then writes the table from the runs; a model whose run lies in
another store keeps the row that it has. The best epoch is picked on
6,000 images held out of the training set; the test set is used once, at the end.
"""

import shlex
import subprocess
import sys
from pathlib import Path

from common import FOLDER, finished_run, head, machine, write

from kerazoo import zoo
from kerazoo.harness.tracking import runs

EPOCHS = {"lenet5": 10, "cnn": 12, "resnet20": 30, "mobilenet_v3_small": 4}
RECIPE = ["--data.name", "fashion_mnist", "--data.augment", "[flip,shift]"]
RECIPE += ["--batch_size", "128"]
ADAMW = ["--learning_rate", "3e-3", "--weight_decay", "0.05"]
# As ResNets are trained; where the momentum multiplies the decay, it is called 5e-4.
SGD = ["--optimizer", "sgd", "--learning_rate", "0.1", "--weight_decay", "5e-3"]
SGD += ["--optimizer_arguments", "{momentum: 0.9, nesterov: true}"]
FORMATS = ("tflite", "tflite-fp16", "tflite-int8-dynamic", "tflite-int8")

TEXT = """# Fashion-MNIST

54,000 images to train, 6,000 to pick the best epoch, the 10,000 of the test set used
once; one run each, seed 0; {machine}. The machine was busy with other work, so that
minutes and milliseconds are upper bounds. A file's cell has its size and the median
milliseconds per image on one thread. Made by `python benchmarks/fashion_mnist.py`,
which runs:

```bash
{commands}
```

{head}
{rows}
"""


def flags(model: str) -> list[str]:
    how = SGD if model == "resnet20" else ADAMW
    chosen = ["--model.name", model, "--epochs", str(EPOCHS[model])]
    return [*RECIPE, *how, *chosen, "--run_name", f"fashion-{model}"]


def train(model: str) -> None:
    kerazoo = str(Path(sys.executable).with_name("kerazoo"))
    command = [kerazoo, "train", "image_classification", *flags(model)]
    subprocess.run(command, check=True)


def row(model: str) -> str | None:
    run = finished_run(f"fashion-{model}")
    if run is None:
        lines = (FOLDER / "fashion_mnist.md").read_text("utf-8").splitlines()
        return next((x for x in lines if x.startswith(f"| `{model}` |")), None)
    scores = run.data.metrics
    exports = runs.read_json(run.info.run_id, "exports/model.json")["files"]
    files = {file["format"]: file for file in exports}
    cells = [
        f"`{model}`",
        f"{zoo.model_card(model).params:,}",
        f"{scores['test_accuracy']:.4f}",
        f"{run.data.params['epochs']}",
        f"{scores['total_minutes']:.0f}",
    ]
    for name in FORMATS:
        file = files[name]
        time = file["latency"]["1"]["p50"]
        mark = "" if not file["failure"] else " ✗"
        cells.append(f"{file['size'] / 1e3:,.0f} kB, {time:.2f} ms{mark}")
    return f"| {' | '.join(cells)} |"


def main(models: list[str]) -> None:
    for model in models:
        if finished_run(f"fashion-{model}") is None:
            train(model)
    done = [model for model in EPOCHS if row(model)]
    names = ("model", "parameters", "test accuracy", "epochs", "minutes", *FORMATS)
    runs = [
        shlex.join(["kerazoo", "train", "image_classification", *flags(m)])
        for m in done
    ]
    text = TEXT.format(
        machine=machine(),
        commands="\n".join(runs),
        head=head(*names),
        rows="\n".join(map(row, done)),
    )
    write("fashion_mnist", text)


if __name__ == "__main__":
    main(sys.argv[1:] or list(EPOCHS))
