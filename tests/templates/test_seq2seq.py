"""The seq2seq template, copied out and run as a user would."""

import json
import sys

import pytest
from workplace import execute, kerazoo

from kerazoo.harness import commands
from kerazoo.harness.reports import seq2seq
from kerazoo.zoo.seq2seq.tokens import END

SMOKE = (
    *("--epochs", "2", "--data.limit", "200", "--model.name", "transformer_tiny"),
    *("--model.arguments.width", "32", "--model.arguments.num_layers", "1"),
    # A rate at which the answers stay long and odd; at usual ones they are soon empty.
    *("--export_tolerance", "0.5", "--data.buckets", "2", "--learning_rate", "1e-5"),
)


@pytest.fixture(scope="module")
def project(new_project):
    return new_project("seq2seq").train(*SMOKE)


def test_a_run_ends_with_scores_of_what_it_answers(project):
    assert project.run.info.status == "FINISHED"
    metrics = project.run.data.metrics
    for name in ("per", "wer"):
        assert metrics[f"test_{name}"] >= 0 and metrics[f"best_val_{name}"] >= 0
    assert {"val_perplexity", "val_token_accuracy", "val_loss"} <= set(metrics)
    note = project.run.data.tags["mlflow.note.content"]
    assert note.startswith("**PER ") and "jiwer" in note and "200 test texts" in note
    assert "7 of 7 exports verified" in note


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_trains_what_is_exported(backend, new_project):
    flags = (*SMOKE, "--data.buckets", "1", "--export", "[saved_model,tflite]")
    flags += ("--ema_momentum", "0.9", "--model.arguments.positions", "learned")
    project = new_project("seq2seq").train(*flags, KERAS_BACKEND=backend)
    tags, run_id = project.run.data.tags, project.run.info.run_id
    assert project.run.info.status == "FINISHED" and tags["backend"] == backend
    assert "3 of 3 exports verified" in tags["mlflow.note.content"]
    first, second = project.client.get_metric_history(run_id, "val_loss")
    assert second.value < first.value
    said = kerazoo("predict", "last", "cab", cwd=project.folder).stdout
    assert len(said.splitlines()) == 1


def test_what_a_person_looks_at_is_there(project):
    found = {p.name for p in (project.artifacts() / "plots").iterdir()}
    assert {"attention.png", "error_by_length.png", "learning_curves.png"} <= found
    table = json.loads((project.artifacts() / "tables" / "samples.json").read_text())
    epochs = [row[0] for row in table["data"]]
    assert sorted(set(epochs)) == [1, 2] and epochs.count(1) == epochs.count(2) > 0
    assert "batches an epoch" in (project.artifacts() / "data_notes.txt").read_text()


def test_the_lines_of_the_readme_run_the_file(project):
    exports = next(project.folder.glob("runs/*/exports"))
    facts = json.loads((exports / "model.json").read_text())
    phonemes = project.run_code_on_exports().split()
    assert set(phonemes) <= set(facts["target_tokeniser"]["tokens"])


def test_the_exported_file_answers_tokens_with_tokens(project):
    exports = next(project.folder.glob("runs/*/exports"))
    facts = json.loads((exports / "model.json").read_text())
    assert [file["failure"] for file in facts["files"]] == [""] * 4
    assert facts["files"][1]["agreement"] == 1.0
    assert "WHILE" in facts["files"][1]["gpu"].split(", ")  # not for a phone's GPU
    answered = execute(
        sys.executable,
        "-c",
        f"""
import json
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
facts = json.load(open({str(exports / "model.json")!r}))
ids = np.zeros((1, facts["longest_source"]), "int32")
tokens = facts["source_tokeniser"]["tokens"]
word = [tokens.index(letter) for letter in "cab"] + [{END}]
ids[0, : len(word)] = word
run = Interpreter({str(exports / "model.tflite")!r}).get_signature_runner()
print(*run(source=ids)["tokens"][0])
""",
        cwd=project.folder,
    )
    ids = list(map(int, answered.stdout.split()))
    phonemes = facts["target_tokeniser"]["tokens"]
    text = " ".join(phonemes[i] for i in ids[: ids.index(END)])
    said = kerazoo("predict", "last", "cab", "--json", cwd=project.folder).stdout
    # The command searches with a beam; its best may be another, its score is a number.
    (answer,) = json.loads(said)["answers"]
    assert answer["score"] < 0 and all(p in phonemes for p in text.split())


def test_the_reference_client_searches_as_the_command_does(project):
    steps = next(project.folder.glob("runs/*/exports/steps"))
    facts = json.loads((steps / "model.json").read_text())
    assert [file["failure"] for file in facts["files"]] == [""] * 3
    special = {"pad": 0, "start": 1, "end": 2, "unknown": 3}
    assert facts["special_tokens"] == special
    step = facts["files"][0]["signatures"]["decode_step"]
    assert step["inputs"]["token"]["dtype"] == "int32"
    assert step["outputs"]["logits"]["shape"][0] == 1 and "inputs" not in facts
    words = ("cab", " ZEBRA")
    done = execute(
        sys.executable,
        steps / "token_search.py",
        steps / "model.tflite",
        steps / "model.json",
        *words,
        cwd=project.folder,
    )
    said = kerazoo("predict", "last", *words, cwd=project.folder).stdout
    assert done.stdout == said


@pytest.mark.slow
def test_a_run_is_exported_again_in_both_forms(project, tmp_path):
    flags = ("--folder", tmp_path, "--tolerance", "0.5", "--formats")
    done = kerazoo("export", "last", *flags, "tflite", cwd=project.folder)
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines].count("tflite") == 2
    assert "step by step, for a beam search on the device:" in lines
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    assert {"model.tflite", "steps/model.tflite", "steps/token_search.py"} <= files
    refused = kerazoo(
        *("export", "last", *flags, "tflite-int8"), cwd=project.folder, status=2
    )
    assert refused.stderr.startswith("kerazoo: error: --formats: tflite-int8 does not ")
    assert "no tflite-int8 of the whole model, as token ids" in refused.stdout


def test_predict_answers_line_by_line_in_order(project):
    lines = kerazoo("predict", "last", "b", "a", "b", cwd=project.folder).stdout
    first, _, third = lines.splitlines()
    assert first == third


def predicted(project, *flags) -> list[list[str]]:
    """Return what a command answers to two words, by line and by column."""
    done = kerazoo("predict", "last", "cab", "zebra", *flags, cwd=project.folder)
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_predict_gives_several_answers_with_their_scores(project):
    lines = predicted(project, "--n-best", "3", "--beam", "5")
    assert len(lines) == 2
    for answers, scores in ((line[::2], line[1::2]) for line in lines):
        assert len(set(answers)) == len(scores) == 3
        assert sorted(map(float, scores), reverse=True) == list(map(float, scores))
        assert all(float(score) < 0 for score in scores)


def test_predict_draws_samples_that_a_seed_repeats(project):
    flags = ("--sample", "--temperature", "2", "--top", "4")
    first, again, other = (predicted(project, *flags, "--seed", n) for n in "112")
    assert first == again != other


def test_predict_begins_answers_and_repeats_nothing(project):
    wanted = ("--prefix", "Z UW", "--no-repeat-ngram", "1", "--top", "3")
    for line in predicted(project, *wanted):
        answers = [answer.split() for answer in line[::2]]
        assert all(answer[:2] == ["Z", "UW"] for answer in answers)
        assert all(len(set(answer)) == len(answer) for answer in answers)
    flags = ("last", "cab", "--prefix", "uw")
    refused = kerazoo("predict", *flags, cwd=project.folder, status=2).stderr
    assert refused.startswith("kerazoo: error: --prefix uw: no answer can begin so;")


WORDS = ("cab", "Zebra", " the  cat ", "naïve", "", *"abcdefghijklmno")
# Only what a server needs: neither Keras nor kerazoo.
SERVE = """
import json, sys
sys.modules["keras"] = sys.modules["kerazoo"] = None
import mlflow
import tensorflow as tf
mlflow.set_tracking_uri("sqlite:///mlflow.db")
words = json.loads(sys.argv[1])
print(*mlflow.pyfunc.load_model(f"runs:/{sys.argv[2]}/model").predict(words), sep="\\n")
serve = tf.saved_model.load(sys.argv[3]).signatures["texts"]
for answer in serve(texts=tf.constant(words))["texts"].numpy():
    print(answer.decode())
"""


def test_servers_answer_texts_as_the_command_does(project):
    exports = next(project.folder.glob("runs/*/exports"))
    command = (json.dumps(WORDS), project.run.info.run_id, exports / "saved_model")
    done = execute(sys.executable, "-c", SERVE, *command, cwd=project.folder)
    said = kerazoo("predict", "last", *WORDS, "--beam", "1", cwd=project.folder).stdout
    assert done.stdout == 2 * said and said.count("\n") == len(WORDS) == 20


def test_a_stored_run_scores_as_it_did(project):
    shown = kerazoo("evaluate", "last", cwd=project.folder).stdout
    assert "test_per" in shown and "200 test samples of cmudict" in shown


def test_other_data_are_read_with_the_vocabulary_of_the_run(
    project, inside, monkeypatch
):
    inside(project)
    seen = []
    monkeypatch.setattr(
        seq2seq, "score", lambda model, data: seen.append(data) or {"per": 0.5}
    )
    commands.evaluate("last", ["--data.limit", "3"])
    (data,) = seen
    facts = json.loads((project.artifacts() / "data.json").read_text())
    for side, tokeniser in zip(("source", "target"), data.tokenisers, strict=True):
        assert tokeniser.to_json() == facts[f"{side}_tokeniser"]
        assert len(facts[f"{side}_tokeniser"]["tokens"]) > 30  # three words have less


def test_other_data_are_measured_as_a_whole(project, tmp_path):
    lines = [f"{word}\tK AE T\n" for word in ("cab", "Zebra", "tick", "tock", "tack")]
    (tmp_path / "all.tsv").write_text("".join(lines))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "test.tsv").write_text("".join(lines[:3]))
    for place, count in (("all.tsv", 5), ("folder", 3)):
        flags = ("--data.name", "pairs", "--data.path", tmp_path / place)
        said = kerazoo("evaluate", "last", *flags, cwd=project.folder).stdout
        name = place.removesuffix(".tsv")
        assert f"{count} test samples of {name}" in said and "test_per" in said


@pytest.mark.slow
def test_the_copy_has_a_test_that_passes(project):
    done = execute(
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "test_train.py",
        cwd=project.folder,
    )
    assert "2 passed" in done.stdout
