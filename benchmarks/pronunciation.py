"""Spelling to phonemes: error rates, minutes, and what a phone runs.

    python benchmarks/pronunciation.py [DATA-MODEL …] [--pronalsyl FOLDER]
        [--taught FILE]

Trains what is not yet in the MLflow store (`MLFLOW_TRACKING_URI`, or `mlflow.db` here)
under its run name, then writes the table from the runs; a row whose run lies in another
store stays as it is. The best epoch is picked by the phoneme error rate of validation
words; the test words are used once, at the end. FOLDER has PRONALSYL-2007,
`g014b2b.train.gz` and `g014b2b.test.gz`; without it only CMUdict is trained. FILE has
the weights of a student that `teaching.py` wrote.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from common import FOLDER, finished_run, head, known_lines, machine, write

from kerazoo.harness.tracking import runs

NAMES = ("pronalsyl-transformer_small", "pronalsyl-lstm_small")
NAMES += ("taught-transformer_small",)
NAMES += ("cmudict-transformer_small", "cmudict-lstm_small")
# AVX-512 cores multiply half-wide numbers in less time; weights stay float32.
COMMON = ["--precision", "mixed_bfloat16"]
TRAINING = {
    "transformer_small": ["--epochs", "24", "--decoding.samples", "500"],
    "lstm_small": ["--epochs", "12", "--decoding.samples", "500"],
    "taught": [
        *("--epochs", "5", "--learning_rate", "2e-4", "--warmup_epochs", "0"),
        *("--average_epochs", "3", "--decoding.samples", "0"),
    ],
}
FORMATS = ("tflite", "tflite-fp16", "tflite-int8-dynamic")

TEXT = """# Spelling to phonemes

Phoneme and word error rate on the test words, no stress marks, beam search with 4
hypotheses; a word is right if it is any of its references, and phoneme errors count to
the nearest. One run each, seed 0; {machine}.
Training had one core and shared it with other work, so that minutes and milliseconds
are upper bounds. Made by `python benchmarks/pronunciation.py --pronalsyl FOLDER
--taught FILE`, which runs:

```bash
{commands}
```

- *pronalsyl*: the PRONALSYL-2007 split of CMUdict, on which others report: 12,000 test
  words; of the others 5,342 are for validation, 107,770 pronunciations for training.
- *taught*: the same, after it was taught with {words[1]:,} words more,
  {minutes:.0f} minutes of one {device}, see below.
- *cmudict*: this project's split of today's dictionary: 12,000 test words, 5,000 for
  validation, 109,052 for training.

{head}
{rows}

Published word error rates on PRONALSYL-2007: Phonetisaurus 24.4; LSTM 2 × 512 23.3;
Transformer 2 × 256 22.2 after 50 epochs, 20.2 and 19.9 as reported by others; a
distilled ensemble with extra words 19.88.

## On the device

The TFLite files that take letters and give phonemes, greedy search inside, built-in
operators only: size, median milliseconds a word on one thread, and the share of 500
validation words with the same answer as Keras.

{device_head}
{device_rows}

## How it was taught

An n-gram model of the training words alone (`python benchmarks/proposals.py`) proposes
pronunciations of words that the dictionary does not have, and teachers judge them
(`python benchmarks/teaching.py`, twice: the first students are the teachers of the
second). Word error rates of the validation words, by greedy search:

{taught_head}
{taught_rows}

Teachers 1 are four Transformers of 4 + 4 layers, 1,024 hidden units and dropout 0.3,
too much for so few passes; teachers 2 are four of 3 + 3 layers with dropout 0.2 and
rotary positions. Four of a kind train in one step. The first students learned the
best proposal for each of {words[0]:,} words, those that were judged in time; the
second, which begin as the first, how probable all proposals are, for {words[1]:,}.
JAX, mixed bfloat16. Word lists: the names of the 1990 census, wamerican-large, -huge
and -insane; no word of them is one of the dictionary's, and so none is a test word.

What did not help, beside teachers 1:

- R-Drop, two passes a step (`--loss r_drop --epochs 32`): 25.2 % on the test words by
  the epoch that 500 validation words picked;
- dropout 0.2 with batches of 1,024 tokens, stopped at epoch 39 of 50;
- a third round of teaching, in which half of the teachers said phonemes from the last
  to the first;
- weighing what is proposed by how well its letters follow from its phonemes, or by
  analogies with words of the same stem.
"""


def flags(name: str, folders: dict[str, str], weights: str) -> list[str]:
    data, model = name.split("-")
    where = ["--data.path", folders[data]] if data in folders else ["--data.name", data]
    own = TRAINING.get(data) or TRAINING[model]
    if data == "taught":
        own = ["--model.weights", weights, *own]
    return [*where, "--model.name", model, *own, *COMMON, "--run_name", name]


def train(name: str, folders: dict[str, str], weights: str) -> None:
    kerazoo = str(Path(sys.executable).with_name("kerazoo"))
    subprocess.run(
        [kerazoo, "train", "seq2seq", *flags(name, folders, weights)], check=True
    )


def rows(name: str) -> tuple[str, str] | None:
    """Return a run's row of each table: from the run, or as they were."""
    run = finished_run(name)
    start = "| " + name.replace("-", " | `", 1) + "` |"
    if run is None:
        known = known_lines("pronunciation", start)
        return (known[0], known[1]) if known else None
    scores = run.data.metrics
    exports = runs.read_json(run.info.run_id, "exports/model.json")["files"]
    files = {file["format"]: file for file in exports}
    quality = [
        f"{int(run.data.params['num_params']):,}",
        f"{scores['test_per']:.2%}",
        f"{scores['test_wer']:.2%}",
        run.data.params["epochs"],
        f"{scores['total_minutes']:.0f}",
    ]
    device = []
    for kind in FORMATS:
        file = files[kind]
        time = file["latency"]["1"]["p50"]
        mark = " ✗" if file["failure"] else ""
        device.append(
            f"{file['size'] / 1e6:.1f} MB, {time:.1f} ms, {file['agreement']:.1%}{mark}"
        )
    return (f"{start} {' | '.join(quality)} |", f"{start} {' | '.join(device)} |")


def taught_rows(runs: list[dict]) -> str:
    """Return the table rows of what `teaching.py` measured."""
    lines = []
    for number, run in enumerate(runs, 1):
        for name, value in run.items():
            if isinstance(value, dict):
                name, value = f"{name}: best", min(value.values())
            if isinstance(value, float) and name != "minutes":
                lines.append(f"| {number} | {name} | {value:.2%} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="DATA-MODEL")
    parser.add_argument("--pronalsyl", default="", metavar="FOLDER")
    parser.add_argument("--taught", default="", metavar="FILE")
    chosen = parser.parse_args(arguments)
    folders = {"pronalsyl": chosen.pronalsyl, "taught": chosen.pronalsyl}
    for name in chosen.names or NAMES:
        possible = folders.get(name.split("-")[0]) != ""
        possible &= bool(chosen.taught) or not name.startswith("taught")
        if possible and finished_run(name) is None:
            train(name, folders, chosen.taught)
    found = {name: pair for name in NAMES if (pair := rows(name))}
    shown = {"pronalsyl": "FOLDER", "taught": "FOLDER"}
    runs = [f"kerazoo train seq2seq {' '.join(flags(n, shown, 'FILE'))}" for n in found]
    teaching = json.loads((FOLDER / "teaching.json").read_text("utf-8"))
    quality = ("parameters", "test PER", "test WER", "epochs", "minutes")
    text = TEXT.format(
        machine=machine(),
        commands="\n".join(runs),
        head=head("data", "model", *quality),
        rows="\n".join(row for row, _ in found.values()),
        device_head=head("data", "model", *FORMATS),
        minutes=sum(run["minutes"] for run in teaching),
        words=[run["words"] for run in teaching],
        device=teaching[0]["device"],
        taught_head=head("run", "who", "word error rate"),
        taught_rows=taught_rows(teaching),
        device_rows="\n".join(row for _, row in found.values()),
    )
    write("pronunciation", text)


if __name__ == "__main__":
    main(sys.argv[1:])
