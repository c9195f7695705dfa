"""Weights of a run for the zoo: half as large, with what their numbers stand for.

    python benchmarks/publish.py runs/NAME-ID zoo/seq2seq/weights/MODEL-NAME

The folder gets `model.weights.h5` in float16, `arguments.json` of the builder, and the
run's `data.json`. How they were made, their scores and their licence are for its
README.md to say.
"""

import argparse
import json
from pathlib import Path

import h5py
import keras

from kerazoo.harness.texts.tokenisers import of_facts
from kerazoo.zoo.seq2seq import lstm, transformer  # noqa: F401  (registers layers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    facts = json.loads((chosen.run / "data.json").read_text("utf-8"))
    source, target = of_facts(facts)
    sizes = {"source_vocabulary": source.size, "target_vocabulary": target.size}
    for name, known in (("arguments", sizes), ("data", facts)):
        text = json.dumps(known, indent=1, ensure_ascii=False)
        (chosen.folder / f"{name}.json").write_text(f"{text}\n", "utf-8")
    whole = chosen.folder / "whole.weights.h5"
    keras.saving.load_model(chosen.run / "best.keras").save_weights(whole)
    half = chosen.folder / "model.weights.h5"
    with h5py.File(whole) as read, h5py.File(half, "w") as written:
        halve(read, written)
    whole.unlink()


def halve(read: h5py.Group, written: h5py.Group) -> None:
    """Copy a group, its numbers as float16."""
    written.attrs.update(read.attrs)
    for name, found in read.items():
        if isinstance(found, h5py.Group):
            halve(found, written.create_group(name))
        else:
            kept = found[()].astype("float16") if found.dtype.kind == "f" else found
            written.create_dataset(name, data=kept)


if __name__ == "__main__":
    main()
