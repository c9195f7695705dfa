"""Finding a run again, and reading what it left."""

import pytest

from kerazoo.harness.tracking import mlflow_store, runs


@pytest.fixture
def three_runs(store):
    for name, status in (("a", "FINISHED"), ("b", "FINISHED"), ("b", "FAILED")):
        mlflow_store.start("trials", name).end(status)
    return {(r.info.run_name, r.info.status): r.info.run_id for r in store.runs}


def test_a_run_is_found_by_id_name_and_folder_and_as_the_last(three_runs):
    first, second, failed = (
        three_runs[key]
        for key in (("a", "FINISHED"), ("b", "FINISHED"), ("b", "FAILED"))
    )
    for reference, run_id in {
        first: first,
        failed: failed,
        second[:12]: second,
        f"runs/a-{first[:8]}": first,
        f"/work/my.runs/runs/a-b-{failed[:8]}/exports/model.tflite": failed,
        "a": first,
        "b": second,  # of its name, the newest that finished
        "last": second,  # the newest that finished
    }.items():
        assert runs.find_run(reference).info.run_id == run_id


@pytest.mark.parametrize(
    ("reference", "message"),
    [("c*", "There is no run 'c*' in sqlite"), ("", "Several runs begin with ''")],
)
def test_a_reference_that_fits_no_run_lists_the_newest(reference, message, three_runs):
    with pytest.raises(ValueError) as error:
        runs.find_run(reference)
    text = str(error.value)
    assert message in text
    assert all(run_id[:8] in text for run_id in three_runs.values())


def test_an_empty_store_is_said_to_be_empty(store):
    with pytest.raises(ValueError, match="It holds no runs at all"):
        runs.find_run("last")


def test_a_file_that_a_run_does_not_have_is_named(tracker, tmp_path):
    tracker.text('{"a": 1}', "a.json")
    tracker.end("FINISHED")
    assert runs.read_json(tracker.run_id, "a.json") == {"a": 1}
    with pytest.raises(ValueError, match=r"has no b\.json: it ended before"):
        runs.read_json(tracker.run_id, "b.json")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "c.txt").write_text("c")
    runs.add_files(tracker.run_id, tmp_path / "more", "copied")
    found = runs.download(tracker.run_id, "copied", str(tmp_path / "here"))
    assert [file.name for file in found.iterdir()] == ["c.txt"]
