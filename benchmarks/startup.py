"""How long the commands take that import no framework, against `python -c pass`.

python benchmarks/startup.py
"""

import subprocess
import sys
import time
from pathlib import Path

from common import machine, median_and_spread, write

ROUNDS = 11
KERAZOO = str(Path(sys.executable).with_name("kerazoo"))
COMMANDS = {
    "kerazoo --help": [KERAZOO, "--help"],
    "kerazoo list": [KERAZOO, "list"],
    "kerazoo info resnet20": [KERAZOO, "info", "resnet20"],
    "kerazoo train … --epohcs 3": [
        *(KERAZOO, "train", "image_classification"),
        *("--epohcs", "3"),
    ],
}


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    ratios = {name: [] for name in COMMANDS}
    times = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            bare = seconds([sys.executable, "-c", "pass"])
            times[name].append(seconds(command))
            ratios[name].append(times[name][-1] / bare)
    lines = [
        "# Start-up",
        "",
        f"Side by side with `python -c pass`, {ROUNDS} times each, median (lowest to "
        f"highest); {machine()}. Made by `python benchmarks/startup.py`.",
        "",
        "| command | seconds | times `python -c pass` |",
        "|---|---|---|",
    ]
    for name in COMMANDS:
        row = (name, median_and_spread(times[name]), median_and_spread(ratios[name]))
        lines.append("| `{}` | {} | {} |".format(*row))
    write("startup", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
