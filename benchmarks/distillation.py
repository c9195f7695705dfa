"""Pronunciations of more words, as several models together give them, to train one on.

    pip install phonetisaurus
    python benchmarks/distillation.py --pronalsyl FOLDER --teachers FILE FILE \
        --words FILE FILE --output FOLDER

A joint n-gram model (Phonetisaurus, of the training words alone) proposes
pronunciations of words that the dictionary does not have; models that `kerazoo train
seq2seq` trained on the same words judge them with it. OUTPUT gets `train.dict` with the
dictionary's words and these, and `validation.dict` and `test.dict` as they were; no
word of those two is among the new ones.

WORDS are lists with a word at the start of each line, such as Debian's wamerican-large,
and the names of the 1990 census that PyPI's `names` has (`names/dist.*`). A teacher is
a run's `.keras` file. Sun et al. 2019, arXiv:1904.03446, did so with other teachers.
"""

import argparse
import re
import subprocess
from pathlib import Path

import keras
import numpy as np
import phonetisaurus
import tensorflow as tf
from common import FOLDER, machine, write

from kerazoo.harness import parse_config
from kerazoo.harness.own_code import imported_from, load_keras
from kerazoo.harness.reports_seq2seq import judge
from kerazoo.harness.translation import batches_by_length, padded
from kerazoo.zoo.seq2seq.tokens import END, PAD, START

TEMPLATE = FOLDER.parent / "templates" / "seq2seq"
ORDER, NUM_BEST, BEAM = "8", 6, 1000  # of Phonetisaurus
WORD = re.compile(r"[a-z][a-z']{1,21}(?<!'s)")
TEACHER = (
    "kerazoo train seq2seq --data.path FOLDER --model.name transformer_small "
    "--precision mixed_bfloat16 --decoding.samples 500"
)
TEXT = """# More words to train on

Error rates on PRONALSYL-2007, measured as in [pronunciation.md](pronunciation.md), of
what gives pronunciations of words that the dictionary lacks: Phonetisaurus, an 8-gram
model of the training words alone, and its six best answers as all teachers together
judge them. Those are it and two Transformers trained on the same words, the best epoch
of the first and the last one of the second:

```bash
{teacher} --epochs 24
{teacher} --epochs 32 --loss r_drop
```

| who | words | phoneme error rate | word error rate |
|---|---|---|---|
{rows}

{added:,} words of lists, the names of the 1990 census and wamerican-large, were added
to {pairs:,} pairs. {machine}. Made by `python
benchmarks/distillation.py`.
"""
Proposals = dict[str, dict[str, float]]  # of a word, by target: log-probability


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pronalsyl", required=True, metavar="FOLDER")
    parser.add_argument("--teachers", nargs="+", type=Path, required=True)
    parser.add_argument("--words", nargs="+", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    splits, data = load(chosen.pronalsyl)
    joint = JointModel(splits["train"], chosen.output.with_suffix(".phonetisaurus"))
    teachers = [load_keras(file) for file in chosen.teachers]

    words, references = data.references["validation"]
    proposed = joint.propose(words)
    judged = judge_proposals(proposed, teachers, data.tokenisers)
    test_words, test_references = data.references["test"]
    answers = {
        ("Phonetisaurus", "validation"): (best(proposed, words), references),
        ("all teachers", "validation"): (best(judged, words), references),
        ("Phonetisaurus", "test"): (
            best(joint.propose(test_words), test_words),
            test_references,
        ),
    }
    measure = judge(data).measure
    errors = {of: measure(*found) for of, found in answers.items()}

    known = {source for pairs in splits.values() for source, *_ in pairs}
    new = new_words(chosen.words, known)
    judged = judge_proposals(joint.propose(new), teachers, data.tokenisers)
    answers = zip(new, best(judged, new), strict=True)
    added = [(word, target) for word, target in answers if target]
    for split, pairs in splits.items():
        lines = [f"{source} {target}\n" for source, target, *_ in pairs]
        if split == "train":
            lines += [f"{word} {target}\n" for word, target in added]
        (chosen.output / f"{split}.dict").write_text("".join(lines), "utf-8")
    write("distillation", text(errors, len(added), len(splits["train"])))


def text(errors: dict, added: int, pairs: int) -> str:
    """Return the page; errors by (who, which words)."""
    rows = "\n".join(
        f"| {who} | {split} | {found['per']:.2%} | {found['wer']:.2%} |"
        for (who, split), found in errors.items()
    )
    return TEXT.format(
        teacher=TEACHER, rows=rows, added=added, pairs=pairs, machine=machine()
    )


def load(folder: str):
    """Return the pairs of each split, and the template's data of them."""
    with imported_from(TEMPLATE):
        from config import Config
        from data import load_data, read_splits

        config = parse_config(Config, ["--data.path", folder])
        return read_splits(config)[0], load_data(config)


class JointModel:
    """An n-gram model of letters joined with phonemes, Novak et al. 2016."""

    def __init__(self, pairs, folder: Path):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        if (folder / "model.fst").exists():
            return
        lines = [f"{source}\t{target}\n" for source, target, *_ in pairs]
        (folder / "train.dict").write_text("".join(lines), "utf-8")
        aligned = ("--input=train.dict", "--ofile=aligned", "--seq1_del=false")
        self.run("phonetisaurus-align", *aligned)
        self.run("estimate-ngram", "-o", ORDER, "-t", "aligned", "-wl", "model.arpa")
        model = ("--lm=model.arpa", "--ofile=unfinished.fst")
        self.run("phonetisaurus-arpa2wfst", *model)
        (folder / "unfinished.fst").rename(folder / "model.fst")

    def run(self, *command: str) -> str:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=phonetisaurus.guess_environment(),
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout

    def propose(self, words: list[str]) -> Proposals:
        """Return the best pronunciations of each word, with their log-probabilities."""
        (self.folder / "words").write_text("\n".join(words) + "\n", "utf-8")
        search = ("--model=model.fst", f"--nbest={NUM_BEST}", f"--beam={BEAM}")
        wide = "--thresh=99"  # costs above the best that are shown: all
        lines = self.run("phonetisaurus-g2pfst", *search, wide, "--wordlist=words")
        proposed: Proposals = {word: {} for word in words}
        for line in lines.splitlines():
            word, cost, target = line.split("\t")
            if target.strip():
                proposed[word][target.strip()] = -float(cost)
        return proposed


def judge_proposals(proposed: Proposals, teachers: list, tokenisers) -> Proposals:
    """Add the teachers' log-probabilities; the joint model counts as all of them do."""
    pairs = [(word, target) for word, found in proposed.items() for target in found]
    total = sum(log_probabilities(teacher, pairs, tokenisers) for teacher in teachers)
    judged: Proposals = {word: {} for word in proposed}
    for (word, target), value in zip(pairs, total, strict=True):
        judged[word][target] = value + len(teachers) * proposed[word][target]
    return judged


def log_probabilities(
    model: keras.Model, pairs: list[tuple[str, str]], tokenisers, batch_size: int = 512
) -> np.ndarray:
    """Return of each pair the log-probability of the target, given the source."""

    @tf.function(reduce_retracing=True)
    def step(source, target, labels):
        logits = tf.cast(model([source, target], training=False), "float32")
        costs = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return -tf.reduce_sum(tf.where(labels == PAD, 0.0, costs), axis=-1)

    of_source, of_target = tokenisers
    sources = [[*of_source.encode(word), END] for word, _ in pairs]
    targets = [of_target.encode(target) for _, target in pairs]
    values = np.zeros(len(pairs))
    for places in batches_by_length(sources, batch_size):
        source, target, labels = (
            padded([row(i) for i in places], batch_size)
            for row in (
                sources.__getitem__,
                lambda i: [START, *targets[i]],
                lambda i: [*targets[i], END],
            )
        )
        values[places] = step(source, target, labels).numpy()[: len(places)]
    return values


def best(proposed: Proposals, words: list[str]) -> list[str]:
    """Return of each word the most probable pronunciation."""
    return [max(p, key=p.get) if (p := proposed[word]) else "" for word in words]


def new_words(files: list[Path], known: set[str]) -> list[str]:
    """Return the words of lists that are not known, without genitives."""
    found = {}
    for file in files:
        for line in file.read_text("utf-8").lower().splitlines():
            word = (line.split() or [""])[0]
            if WORD.fullmatch(word) and word not in known:
                found[word] = None
    return list(found)


if __name__ == "__main__":
    main()
