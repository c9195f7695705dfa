"""Losses side by side on Fashion-MNIST: clean, with wrong labels, with rare classes.

    python benchmarks/loss_lab.py

Runs three comparisons of `kerazoo compare-losses` that are not yet in the MLflow store
(`MLFLOW_TRACKING_URI`, or `mlflow.db` here), and writes their tables.
"""

import subprocess
import sys
from pathlib import Path

from common import machine, write

from kerazoo.harness.tracking import runs

SHARED = ["--data.name", "fashion_mnist", "--data.limit", "12000"]
SHARED += ["--model.name", "lenet5", "--epochs", "10", "--batch_size", "128"]
SHARED += ["--learning_rate", "2e-3", "--seeds", "3"]
COMPARISONS = {
    "Squared error against cross-entropy": ["--losses", "cross_entropy,brier"],
    "40 % of the training labels are wrong": [
        *("--losses", "cross_entropy,generalized_cross_entropy"),
        *("--label-noise", "0.4"),
    ],
    "The last class is 50 times rarer than the first": [
        *("--losses", "cross_entropy,focal,class_balanced,logit_adjusted"),
        *("--imbalance", "50"),
    ],
}

TEXT = """# Losses side by side

`lenet5` on Fashion-MNIST, 10 epochs, batch 128; 12,000 training images before classes
are thinned out, 6,000 to pick the best epoch, the test set of 10,000 used once a run.
Seeds 0 to 2, of the split, the weights and what is made worse; mean ± standard
deviation on the test set, which is clean and balanced. {machine}; {minutes:.0f} minutes
in all, on a machine that was busy with other work. Made by
`python benchmarks/loss_lab.py`.
{tables}"""

SECTION = """
## {title}

`kerazoo compare-losses image_classification {flags}`

{table}
"""


def find(flags: list[str]):
    """Find the finished parent run of a comparison."""
    wanted = {
        "losses": flags[flags.index("--losses") + 1],
        "data.label_noise": "0.4" if "--label-noise" in flags else "0.0",
        "data.imbalance": "50.0" if "--imbalance" in flags else "1.0",
    }
    for run in runs.find_runs("compare-losses"):
        found = {name: run.data.params.get(name) for name in wanted}
        if run.info.status == "FINISHED" and found == wanted:
            return run
    return None


def main() -> None:
    kerazoo = str(Path(sys.executable).with_name("kerazoo"))
    sections, minutes = [], 0.0
    for title, own in COMPARISONS.items():
        flags = [*own, *SHARED]
        if find(own) is None:
            command = [kerazoo, "compare-losses", "image_classification", *flags]
            subprocess.run(command, check=True)
        run = find(own)
        minutes += (run.info.end_time - run.info.start_time) / 60_000
        table = runs.read_text(run.info.run_id, "losses.md")
        section = SECTION.format(title=title, flags=" ".join(flags), table=table)
        sections.append(section)
    text = TEXT.format(
        machine=machine(),
        minutes=minutes,
        tables="".join(sections),
    )
    write("loss_lab", text)


if __name__ == "__main__":
    main()
