"""What `kerazoo predict` does; `cli` reads its arguments."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerazoo.harness.commands import as_json
from kerazoo.harness.quiet import quiet

BATCH_SIZE = 64  # images that are read and answered at a time


def predict(
    run: str,
    inputs: Sequence[str],
    top: int | None,
    json: bool,
    output: Path | None,
    **search,
) -> int:
    """Name the classes of images, predict the rows of a table, or answer texts.

    Texts that are not given are read from the standard input, one a line.
    """
    from kerazoo.harness.reopen import reopen
    from kerazoo.harness.texts.predict import TextSearch
    from kerazoo.harness.tracking import runs

    search = {name: value for name, value in search.items() if value is not None}
    # Before anything is loaded, as a mistake is answered at once.
    texts_search = TextSearch(top=1 if top is None else top, **search)
    record = runs.find_run(run)
    facts = runs.read_json(record.info.run_id, "data.json")
    of_texts = "source_tokeniser" in facts
    if search and not of_texts:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in search)
        raise ValueError(f"{flags}: only runs from texts to texts search for answers")
    of_table = "encoding" in facts
    if json and of_table:
        raise ValueError("--json: the predictions of a table are CSV")
    if top and of_table:
        raise ValueError("--top: a row of a table has one answer")
    if output and not of_table:
        raise ValueError("--output: only the predictions of a table go to a file")
    if of_table and len(inputs) != 1:
        raise ValueError(f"give one table of rows to predict; got {len(inputs)}")
    if not (inputs or of_texts):
        raise ValueError("give the files of images to predict")
    with reopen(record.info.run_id) as found, quiet():
        model, config = found.load_model(), found.config
    if of_texts:
        _predict_texts(model, facts, inputs, texts_search, json)
    elif of_table:
        _predict_table(model, facts["encoding"], config.data, inputs, output)
    else:
        return _predict_images(model, facts, inputs, top or 3, json)
    return 0


def _predict_images(model, facts, files: Sequence[str], top: int, json: bool) -> int:
    import numpy as np

    # As the run's own `data.py` has it; runs of before say nothing.
    form = (*model.input_shape[1:], facts.get("fit", "crop"))
    labels, failed = facts["labels"], 0
    for start in range(0, len(files), BATCH_SIZE):
        some, errors = _read_images(files[start : start + BATCH_SIZE], form)
        failed += len(errors)
        if errors and len(files) == 1:
            raise errors[0]
        for error in errors:
            print(f"error: {error}", file=sys.stderr)
        if not some:
            continue
        with quiet():
            probabilities = model.predict_on_batch(np.stack(list(some.values())))
        for file, shares in zip(some, probabilities, strict=True):
            order = shares.argsort()[::-1][:top]
            best = [(labels[i], float(shares[i])) for i in order]
            if json:
                print(as_json({"file": file, "classes": dict(best)}, indent=None))
            else:
                print(f"{file}: " + ", ".join(f"{name} {p:.1%}" for name, p in best))
    return 1 if failed else 0


def _read_images(
    files: Sequence[str], form: Sequence[Any]
) -> tuple[dict[str, Any], list[Exception]]:
    """Return the pixels of the files that can be read, and why others cannot."""
    from kerazoo.harness.images.files import read_images

    found, errors = {}, []
    for file in files:
        try:
            (found[file],) = read_images([file], *form)
        except FileNotFoundError:
            errors.append(ValueError(f"There is no file {file}."))
        except (OSError, ValueError) as error:
            errors.append(error)
    return found, errors


def _lines_of_input() -> list[str]:
    """Read UTF-8 on every system; only a line's end ends it, no other separator."""
    try:
        lines = sys.stdin.buffer.read().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise ValueError(
            f"the standard input, line {number:,}: 0x{error.object[error.start]:02x} "
            "is not UTF-8. Convert it, such as by `iconv -f latin1 -t utf-8 FILE`."
        ) from error
    if lines[-1] == "":
        lines.pop()
    return [line.rstrip("\r") for line in lines]


def _predict_texts(model, facts, texts: Sequence[str], search, json: bool) -> None:
    with quiet():
        from kerazoo.harness.texts.predict import predict_texts

        texts = texts or _lines_of_input()
        found = predict_texts(model, facts, texts, search) if texts else []
    for text, answers in zip(texts, found, strict=True):
        if json:
            scored = [{"answer": answer, "score": score} for answer, score in answers]
            print(as_json({"text": text, "answers": scored}, indent=None))
        elif search.top == 1:
            print(*(answer for answer, _ in answers))
        else:
            print("\t".join(f"{answer}\t{score:.4f}" for answer, score in answers))


def _predict_table(model, encoding, form, inputs: Sequence[str], output: Path | None):
    with quiet():
        from kerazoo.harness.tables.predict import predict_rows

        frame, notes = predict_rows(
            model,
            encoding,
            Path(inputs[0]),
            delimiter=form.delimiter,
            characters=form.encoding,
        )
    for note in notes:
        print(note, file=sys.stderr)
    frame.to_csv(output or sys.stdout, index=False)
    if output:
        print(f"{len(frame):,} rows in {output}")
