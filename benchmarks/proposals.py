"""Pronunciations that a joint n-gram model proposes, for teachers to judge.

    pip install phonetisaurus
    python benchmarks/proposals.py OUTPUT.npz --pronalsyl FOLDER --words FILE FILE
    python benchmarks/proposals.py OUTPUT --words FILE FILE

Phonetisaurus, an 8-gram model of the training words alone, gives its eight best
pronunciations of every word that the dictionary does not have, and of the validation
words. OUTPUT.npz has them and the dictionary's pairs as tokens: what `teaching.py`
needs. An OUTPUT of another name is a folder for `kerazoo train seq2seq --data.path`:
the dictionary's pairs for training, with the best proposal for every other word, and
those for validation. No test word is in either; how well the model alone does on those
is only printed. Without `--pronalsyl` it is the project's own split of today's
dictionary.

WORDS are lists with a word at the start of each line: the names of the 1990 census that
PyPI's `names` has (`names/dist.*`), and Debian's wamerican-large, -huge and -insane.
Those that stand first are judged first.
"""

import argparse
import re
import subprocess
from pathlib import Path

import numpy as np
import phonetisaurus
from common import FOLDER

from kerazoo.harness import parse_config
from kerazoo.harness.own_code import imported_from
from kerazoo.harness.reports.seq2seq import judge
from kerazoo.zoo.seq2seq.tokens import END, PAD

TEMPLATE = FOLDER.parent / "templates" / "seq2seq"
ORDER, NUM_BEST, BEAM = "8", 8, 1000  # of Phonetisaurus
LONGEST = 24  # tokens of a side, END included; longer ones are left out
WORD = re.compile(r"[a-z][a-z']{1,19}(?<!'s)")
Proposals = dict[str, dict[str, float]]  # of a word, by target: log-probability


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--pronalsyl", default="", metavar="FOLDER")
    parser.add_argument("--words", nargs="+", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    splits, data = load(chosen.pronalsyl)
    of_source, of_target = data.tokenisers
    asked, references = data.references["validation"]
    known = {source for pairs in splits.values() for source, *_ in pairs}
    new = new_words(chosen.words, known)
    joint = JointModel(splits["train"], chosen.output.with_suffix(".joint"))
    for split in ("validation", "test"):
        words, found = data.references[split]
        answers = [best(proposals) for proposals in joint.propose(words).values()]
        errors = judge(data).measure(answers, found)
        print(f"{split} words: PER {errors['per']:.2%}, WER {errors['wer']:.2%}")
    if chosen.output.suffix != ".npz":
        write_pairs(chosen.output, splits, joint.propose(new, 1))
        return
    proposed = joint.propose([*asked, *new])
    new = [word for word in new if proposed[word]]
    train = [(source, target) for source, target, *_ in splits["train"]]
    flat = [(n, target) for n, found in enumerate(references) for target in found]
    np.savez_compressed(
        chosen.output,
        sizes=[of_source.size, of_target.size],
        train_source=rows([source for source, _ in train], of_source),
        train_target=rows([target for _, target in train], of_target),
        validation_source=rows(asked, of_source),
        reference_word=np.array([n for n, _ in flat], "int32"),
        reference=rows([target for _, target in flat], of_target),
        new_source=rows(new, of_source),
        **table("validation", asked, proposed, of_target),
        **table("new", new, proposed, of_target),
    )
    print(f"{len(train):,} pairs, {len(new):,} other words")


def load(folder: str):
    """Return the pairs of each split, and the template's data of them."""
    with imported_from(TEMPLATE):
        from config import Config
        from data import load_data, read_splits

        config = parse_config(Config, ["--data.path", folder] if folder else [])
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

    def propose(self, words: list[str], num_best: int = NUM_BEST) -> Proposals:
        """Return the best pronunciations of each word, with their log-probabilities."""
        (self.folder / "words").write_text("\n".join(words) + "\n", "utf-8")
        search = ("--model=model.fst", f"--nbest={num_best}", f"--beam={BEAM}")
        wide = "--thresh=99"  # costs above the best that are shown: all
        lines = self.run("phonetisaurus-g2pfst", *search, wide, "--wordlist=words")
        proposed: Proposals = {word: {} for word in words}
        for line in lines.splitlines():
            word, cost, target = line.split("\t")
            if target.strip() and len(target.split()) < LONGEST:
                proposed[word][target.strip()] = -float(cost)
        return proposed


def best(proposals: dict[str, float]) -> str:
    """Return the most probable pronunciation, if there is one."""
    return max(proposals, key=proposals.get, default="")


def new_words(files: list[Path], known: set[str]) -> list[str]:
    """Return the words of lists that are not known, without genitives."""
    found = {}
    for file in files:
        for line in file.read_text("utf-8").lower().splitlines():
            word = (line.split() or [""])[0]
            if WORD.fullmatch(word) and word not in known:
                found[word] = None
    return list(found)


def write_pairs(folder: Path, splits, proposed: Proposals) -> None:
    """Write pairs for training, with what is proposed, and for validation."""
    folder.mkdir(exist_ok=True)
    pairs = {name: [pair[:2] for pair in splits[name]] for name in splits}
    pairs["train"] += [(word, best(found)) for word, found in proposed.items() if found]
    for split in ("train", "validation"):
        lines = [f"{source}\t{target}\n" for source, target in pairs[split]]
        (folder / f"{split}.tsv").write_text("".join(lines), "utf-8")
    print(f"{len(pairs['train']):,} pairs for training")


def rows(texts: list[str], tokeniser) -> np.ndarray:
    """Return the tokens of each text and END, uint8 (texts, LONGEST)."""
    found = np.full((len(texts), LONGEST), PAD, "uint8")
    for row, text in zip(found, texts, strict=True):
        tokens = [*tokeniser.encode(text), END]
        row[: len(tokens)] = tokens
    return found


def table(split: str, words: list[str], proposed: Proposals, tokeniser) -> dict:
    """Return all proposals; their values are relative to the best of the word."""
    flat = [(n, target) for n, word in enumerate(words) for target in proposed[word]]
    best = [max(found.values(), default=0.0) for found in map(proposed.get, words)]
    values = [proposed[words[n]][target] - best[n] for n, target in flat]
    return {
        f"{split}_proposal_word": np.array([n for n, _ in flat], "int32"),
        f"{split}_proposal_target": rows([target for _, target in flat], tokeniser),
        f"{split}_proposal_value": np.array(values, "float32"),
    }


if __name__ == "__main__":
    main()
