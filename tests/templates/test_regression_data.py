"""The regression template's data: odd tables, frames of one's own, large files."""

import importlib
import json
import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from workplace import ROOT, execute, kerazoo

from kerazoo.harness import Data, DataError, parse_config
from kerazoo.harness.data import collect
from kerazoo.harness.own_code import imported_from
from kerazoo.harness.tables import reading
from kerazoo.harness.tables.kinds import type_column
from kerazoo.harness.tables.streaming import Stream

NUM_ROWS = 300
RNG = np.random.default_rng(1)
SIZE = RNG.uniform(30, 200, NUM_ROWS).round(1)
HOUSES = pd.DataFrame(
    {
        "size": np.where(RNG.random(NUM_ROWS) < 0.1, np.nan, SIZE),
        "town": RNG.choice(["Köln", "Ulm", "Aue"], NUM_ROWS),
        "built": pd.to_datetime("1990-01-01")
        + pd.to_timedelta(RNG.integers(0, 9000, NUM_ROWS), unit="D"),
        "price": (1000 * SIZE + RNG.normal(0, 5000, NUM_ROWS)).round(),
    }
)


@pytest.fixture(scope="module")
def template():
    """The template's own modules, which are imported by bare names."""
    with imported_from(ROOT / "templates" / "regression"):
        names = ("config", "data")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})


def config_of(template, **fields):
    config = template.config.Config()
    return replace(config, data=replace(config.data, **fields))


@pytest.mark.parametrize(
    ("flags", "rate", "decay"),
    [
        ("", 1e-3, 1e-4),
        ("--model.name tabm", 2e-3, 3e-4),
        ("--model.name tabm_mini --weight_decay 0", 2e-3, 0.0),
        ("--model.name tabm --learning_rate 0.1", 0.1, 3e-4),
    ],
)
def test_a_model_is_trained_as_its_paper_does_unless_told(template, flags, rate, decay):
    config = parse_config(template.config.Config, flags.split())
    assert (config.learning_rate, config.weight_decay) == (rate, decay)


@pytest.mark.parametrize(
    ("flags", "monitor"),
    [
        ("", "val_rmse"),
        ("--head quantiles --loss pinball", "val_loss"),
        ("--head mean_variance --loss gaussian_nll", "val_loss"),
        ("--head quantiles --loss pinball --monitor val_rmse", "val_rmse"),
    ],
)
def test_bounds_count_where_the_best_epoch_is_picked(template, flags, monitor):
    config = parse_config(template.config.Config, flags.split())
    assert (config.monitor, config.better) == (monitor, "min")


def rows_of(split) -> list[tuple]:
    """Every row of a split as a tuple of numbers, in no order."""
    rows = []
    for inputs, targets in split:
        columns = [np.asarray(x) for x in inputs.values()]
        whole = np.concatenate([*columns, np.asarray(targets)[:, None]], axis=1)
        rows += map(tuple, whole.tolist())
    return sorted(rows)


def test_the_first_validation_rows_are_of_the_whole_of_a_sorted_file(
    template, tmp_path
):
    file = tmp_path / "houses.csv"
    HOUSES.sort_values("price").to_csv(file, index=False)
    shares = {"validation_share": 0.5, "test_share": 0.1}
    config = config_of(template, path=str(file), target="price", **shares)
    data = template.data.load_data(config)
    _, targets = collect(data.served.validation)
    _, scaled = collect(data.validation)
    assert np.array_equal(np.argsort(targets), np.argsort(scaled))
    first, whole = targets[: len(targets) // 5], np.sort(targets)
    low, high = whole[len(whole) // 4], whole[3 * len(whole) // 4]
    assert (first < low).any() and (first > high).any()


# ------------------------------------------------------------------------- large files


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_streamed_file_is_trained_on_as_one_in_memory(suffix, template, tmp_path):
    file = tmp_path / f"houses.{suffix}"
    HOUSES.to_csv(file, index=False) if suffix == "csv" else HOUSES.to_parquet(file)
    fields = {"path": str(file), "target": "price", "target_drop_iqr": 1.5}
    fields |= {"clip_iqr": 0.2, "number_transform": "quantile"}
    whole = template.data.load_data(config_of(template, **fields))
    config = config_of(template, **fields, stream_above=0.0)
    assert isinstance(template.data.read_rows(config), Stream)
    streamed = template.data.load_data(config)
    assert streamed.metadata == whole.metadata and streamed.sizes == whole.sizes
    assert [n for n in streamed.notes if "in pieces" not in n] == whole.notes
    for split in ("train", "validation", "test"):
        found = getattr(streamed, split)
        assert rows_of(found) == rows_of(getattr(whole, split))
        assert len(list(found)) == len(found)  # its length is known before
        assert rows_of(found) == rows_of(found)
        ours, theirs = streamed.served.features[split], whole.served.features[split]
        np.testing.assert_array_equal(ours[0], theirs[0])
    first, second = (next(iter(streamed.train))[1].numpy().tolist() for _ in range(2))
    assert first != second  # each epoch has an order of its own


def test_what_is_served_of_a_large_file_is_a_sample(template, tmp_path):
    file = tmp_path / "houses.csv"
    pd.concat([HOUSES] * 2).to_csv(file, index=False)
    fields = {"path": str(file), "target": "price", "stream_above": 0.0}
    data = template.data.load_data(config_of(template, **fields, stream_sample=200))
    assert data.sizes == {"train": 420, "validation": 90, "test": 90}
    assert sum(data.served.sizes.values()) == 200
    assert any("600 rows" in note and "sample of 200" in note for note in data.notes)
    few = template.data.load_data(config_of(template, **fields, limit=150))
    assert sum(few.sizes.values()) == 150 and few.served.sizes == few.sizes


@pytest.mark.slow
def test_a_streamed_run_ends_as_verified_files(new_project):
    project = new_project("regression")
    HOUSES.to_csv(project.folder / "houses.csv", index=False)
    project.train(
        *("--data.path", "houses.csv", "--data.target", "price", "--epochs", "2"),
        *("--data.stream_above", "0", "--data.stream_sample", "200"),
        *("--data.number_transform", "quantile", "--data.clip_iqr", "0.2"),
        *("--data.target_transform", "box_cox", "--export", "[tflite,tflite-fp16]"),
    )
    assert project.run.info.status == "FINISHED"
    assert project.run.data.metrics["exports_verified"] == 4
    shown = project.done.stdout
    assert "note   the file was read in pieces, 300 rows" in shown
    assert re.search(r"note   column size: \d+ training values lie outside", shown)
    notes = (project.artifacts() / "data_notes.txt").read_text()
    assert all(f"note   {note}" in shown for note in notes.splitlines())


# ------------------------------------------------------------------ frames of one's own


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_lines_of_the_readme_train_on_a_frame(library, new_project):
    """The lines of the page replace what stands in data.py."""
    project = new_project("regression")
    HOUSES.to_parquet(project.folder / "houses.parquet")
    code = project.code_of_page("def read_table")
    assert len(code.splitlines()) == 4
    file = project.folder / "data.py"
    text = file.read_text().replace("def read_table(", "def read_table_of_old(")
    module = f"import {library} as polars\n"
    file.write_text(f"{text}\n\n{module}\n\n{code}")
    call = "from config import Config; from data import load_data; "
    call += "data = load_data(Config()); print(data.sizes, data.target)"
    shown = execute(sys.executable, "-c", call, cwd=project.folder).stdout
    assert shown.splitlines()[0].startswith("table: 300 rows, 3 features")
    last = "{'train': 210, 'validation': 45, 'test': 45} price"
    assert shown.splitlines()[-1] == last


# ------------------------------------------------------------------------------- flags


def test_another_backend_is_refused_before_anything_is_trained(template, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(DataError, match="KERAS_BACKEND is jax; tables need"):
        template.data.load_data(template.config.Config())


def test_help_shows_what_data_may_be(tmp_path):
    shown = kerazoo("train", "regression", "--help", cwd=tmp_path).stdout
    names = ("number_transform", "winsorise", "clip_iqr", "target_winsorise")
    names += ("target_clip_iqr", "target_drop_iqr", "stream_above", "stream_sample")
    for name in names:
        assert f"--data.{name}" in shown, name
    assert "box_cox" in shown and "quantile" in shown


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"winsorise": 0.1, "clip_iqr": 1.5}, "only one of winsorise, clip_iqr can"),
        ({"target_winsorise": 0.1, "target_drop_iqr": 3.0}, "only one of target_win"),
        ({"target_winsorise": 0.5}, "data.target_winsorise"),
        ({"clip_iqr": -1.0}, "data.clip_iqr must be at least 0"),
        ({"stream_sample": 10}, "data.stream_sample must be at least 100"),
    ],
)
def test_rules_that_cannot_be_are_refused(fields, message, template):
    with pytest.raises(ValueError, match=message):
        config_of(template, **fields)


# -------------------------------------------------------------------------------- fuzz


NUM_FUZZED = 24
CELLS = (
    st.floats(),
    st.floats(-1e3, 1e3),
    st.integers(-(10**30), 10**30),
    st.integers(0, 3),
    st.sampled_from([0.0, 1e-40, 3e38, -3e38, None]),
    st.sampled_from(["a", "b", "", None, "NA", "é\n", "x" * 99]),
    st.sampled_from(["true", "false", None]),
    st.sampled_from(["2024-01-31", "1700-01-01", "2200-12-31 23:59", None]),
    st.sampled_from(["31/12/2024", "01/02/2023"]),
    st.dates(),
    st.text(max_size=3),
)
COLUMN = st.one_of(
    *(st.lists(cells, min_size=NUM_FUZZED, max_size=NUM_FUZZED) for cells in CELLS)
)
TARGET = st.lists(
    st.one_of(st.floats(0.1, 9), st.sampled_from([0.0, -1.0, 1e30, 3e38, 1e-30])),
    min_size=NUM_FUZZED,
    max_size=NUM_FUZZED,
)
CHOICES = st.fixed_dictionaries(
    {
        "number_transform": st.sampled_from(["standardise", "quantile"]),
        "target_transform": st.sampled_from(
            ["standardise", "log", "box_cox", "yeo_johnson"]
        ),
        "split": st.sampled_from(["random", "stratified", "group", "time"]),
    },
    optional={
        "clip_iqr": st.sampled_from([0.1, 1.5]),
        "target_drop_iqr": st.sampled_from([0.1, 1.5]),
    },
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(
    columns=st.lists(COLUMN, min_size=1, max_size=3),
    target=TARGET,
    choices=CHOICES,
    streamed=st.booleans(),
)
# Numbers at the ends of float32 overflow where they are squared.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_any_table_is_data_or_one_line(
    columns, target, choices, streamed, template, tmp_path, monkeypatch
):
    frame = pd.DataFrame({f"c{i}": values for i, values in enumerate(columns)})
    frame["y"] = target
    file = tmp_path / "odd.csv"
    frame.to_csv(file, index=False)
    fields = {**choices, "split_column": "c0", "path": str(file), "target": "y"}
    config = config_of(template, **fields, stream_above=float(not streamed))
    if not streamed:
        frames = {"read_table": lambda config: reading.read_table(frame, "y")}
        monkeypatch.setattr(template.data, "read_table", frames["read_table"])
    try:
        data = template.data.load_data(config)
    except DataError as error:
        title, *lines = str(error).splitlines()  # one of several columns for each
        assert title.isprintable() and len(lines) != 1
        assert all(x.startswith("- ") and x.isprintable() for x in lines)
        return
    assert isinstance(data, Data) and min(data.sizes.values()) > 0
    inputs, targets = next(iter(data.train))
    assert all(len(x) == len(targets) for x in inputs.values())


# -------------------------------------------------------------- weights to start from


@pytest.fixture
def begin(template, tmp_path):
    """Return a function that loads a table; the weights know what an old one was."""
    old = HOUSES.assign(lift=np.where(HOUSES["price"] > 9e4, "yes", "no"))
    old["built"] = old["built"].dt.strftime("%d/%m/%Y")

    def load(table, start=True, **fields):
        table.to_csv(tmp_path / "table.csv", index=False)
        fields |= {"path": str(tmp_path / "table.csv"), "target": "price"}
        config = config_of(template, **fields)
        if start:
            model = replace(config.model, weights=str(tmp_path / "best.keras"))
            config = replace(config, model=model)
        return template.data.load_data(config)

    known = load(old, start=False).metadata
    (tmp_path / "best.keras").touch()
    (tmp_path / "data.json").write_text(json.dumps(known))
    return load, old, known["encoding"]


def test_weights_to_start_from_bring_the_encoding_of_their_columns(begin):
    load, old, known = begin
    newer = old.assign(size=old["size"] * 2, price=old["price"] * 3)
    assert load(newer, start=False).metadata["encoding"] != known
    # What nothing can be learnt from, the model need not know.
    newer["id"] = [f"house {row}" for row in range(NUM_ROWS)]
    data = load(newer)
    assert data.metadata["encoding"] == known
    assert data.notes[-1] == "columns that the model does not know are left out: id"
    kept = load(newer, split="group", split_column="id")
    assert kept.metadata["encoding"] == known, "a split goes by any column"
    with pytest.raises(DataError, match=r"needs the columns town; the table lacks the"):
        load(old.drop(columns="town"))
    with pytest.raises(DataError, match=r"kinds, town: the model knows it as category"):
        load(old, kinds={"town": "date"})


@pytest.mark.parametrize("stream_above", [4.0, 0.0])
def test_columns_are_what_weights_to_start_from_know_them_as(begin, stream_above):
    """Though they never change, or look like another kind, in the newer rows."""
    load, old, known = begin
    few = old.assign(size="", town="1", built="03/02/2001", lift="1")
    with pytest.raises(DataError, match="town holds none of the categories that the"):
        load(few, stream_above=stream_above)
    data = load(few, stream_above=stream_above, kinds={"town": "category"})
    assert data.metadata["encoding"] == known
    told = f"column town: the model knows none such as '1', in {NUM_ROWS} of {NUM_ROWS}"
    assert f"{told} rows" in data.notes and "lift" not in "".join(data.notes)
    rows, _ = collect(data.served.test)
    columns = {column["name"]: column["input"] for column in known["columns"]}
    assert np.isnan(rows[columns["size"]]).all()
    assert set(rows[columns["town"]].tolist()) == {"1"}
    assert set(rows[columns["lift"]].tolist()) == {"yes"}
    days = (np.datetime64("2001-02-03") - np.datetime64("1970-01-01")).astype(int)
    assert set(rows[columns["built"]].tolist()) == {days}
    encoded, _ = collect(data.test)
    assert set(encoded["categories"][:, 0].tolist()) == {0}, "a town it never saw"


def test_dates_that_are_no_texts_any_more_need_no_hint(begin):
    *_, known = begin
    (hint,) = [c["hint"] for c in known["columns"] if c["name"] == "built"]
    assert int(hint.split("/")[0]) > 12, "the day stands first"
    typed, _ = type_column(HOUSES["built"], "date", hint)
    assert typed.equals(HOUSES["built"].astype("datetime64[ns]"))
