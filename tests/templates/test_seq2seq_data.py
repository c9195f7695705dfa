"""What the template loads: splits, vocabularies, batches, and texts to judge by."""

import dataclasses
import gzip
import importlib
import json
from types import SimpleNamespace
from typing import get_args, get_type_hints

import numpy as np
import pytest
from workplace import ROOT

from kerazoo.harness import DataError, catalog, parse_config
from kerazoo.harness.own_code import imported_from
from kerazoo.harness.texts.predict import as_evaluated
from kerazoo.harness.texts.tokenisers import from_json
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator
from kerazoo.zoo.seq2seq.penalties import LENGTH_PENALTIES

FOLDER = ROOT / "templates" / "seq2seq"
LINES = [f"number {i} is here\tle numéro {i} est ici" for i in range(200)]


@pytest.fixture
def load(tmp_path):
    """Return a function that loads what flags describe."""

    def load(*flags):
        with imported_from(FOLDER):
            config = parse_config(importlib.import_module("config").Config, list(flags))
            return importlib.import_module("data").load_data(config)

    return load


def refused(load, capsys, *flags) -> str:
    with pytest.raises((DataError, SystemExit)) as caught:
        load(*flags)
    if caught.type is DataError:
        return str(caught.value)
    return capsys.readouterr().err


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join([*LINES, "number 7 is here\tle voici", "no tab"]))
    return path


def test_the_first_words_for_validation_are_as_all_of_them(load):
    sources, _ = load("--data.limit", "200").references["validation"]
    assert sources != sorted(sources)
    assert len({word[0] for word in sources[:50]}) > 10


def test_a_file_becomes_three_splits(load, file):
    data = load("--data.path", str(file), "--data.target_tokens", "words")
    assert (data.name, data.task, data.target) == (file.stem, "seq2seq", "target")
    assert data.sizes["validation"] == data.sizes["test"] == 10
    assert data.sizes["train"] in (180, 181)
    assert "1 of 202 lines was skipped: 1 without a tab (line 202)" in data.notes[0]
    texts = [s for sources, _ in data.references.values() for s in sources]
    assert len(texts) == len(set(texts)) == 200
    answers = {
        s: r for pair in data.references.values() for s, r in zip(*pair, strict=True)
    }
    assert answers["number 7 is here"] == ["le numéro 7 est ici", "le voici"]


def test_batches_decode_to_the_texts(load, file):
    data = load("--data.path", str(file))
    source, target = data.tokenisers
    pairs = set()
    for inputs, labels in data.train:
        for s, t, y in zip(inputs["source"], inputs["target"], labels, strict=True):
            if np.any(y):
                pairs.add(f"{source.decode(s.numpy())}\t{target.decode(y.numpy())}")
                assert target.decode(t.numpy()) == target.decode(y.numpy())
    assert len(pairs) == data.sizes["train"]
    assert pairs - {*LINES} <= {"number 7 is here\tle voici"}


def test_what_a_client_needs_is_in_the_metadata(load, file):
    data = load("--data.path", str(file), "--data.lower", "source")
    saved = json.loads(json.dumps(data.metadata))
    tokenisers = (
        from_json(saved["source_tokeniser"]),
        from_json(saved["target_tokeniser"]),
    )
    assert tokenisers == data.tokenisers
    assert saved["source_normaliser"] == {"form": "NFC", "lower": True}
    assert saved["target_normaliser"] == {"form": "NFC", "lower": False}
    longest = max(y.shape[1] for _, y in data.train)
    assert saved["longest_target"] == longest


def test_a_joined_vocabulary_is_one(load, file):
    flags = ["--data.joined", "true", "--data.vocabulary_size", "300"]
    source, target = load("--data.path", str(file), *flags).tokenisers
    assert source is target and source.size == 300


def test_vocabularies_are_of_the_training_pairs_alone(load, tmp_path):
    for split, text in {"train": "ab", "valid": "cd", "test": "ef"}.items():
        (tmp_path / f"{split}.tsv").write_text(f"{text}\t{text}\n")
    data = load(
        *("--data.path", str(tmp_path), "--data.source_tokens", "characters"),
        *("--data.target_tokens", "characters"),
    )
    assert data.tokenisers[0].tokens[4:] == ("a", "b")
    assert data.sizes == {"train": 1, "validation": 1, "test": 1}


def test_leaks_and_long_pairs_are_noted(load, tmp_path):
    train = [*LINES, "long " * 50 + "\tx"]
    (tmp_path / "train.tsv").write_text("\n".join(train))
    (tmp_path / "test.tsv").write_text(LINES[3].upper() + "\n")
    data = load("--data.path", str(tmp_path), "--data.max_length", "40")
    assert any(
        "1 sources of test (100.0%) also stand in train" in note
        or "also stand in validation" in note
        for note in data.notes
    )
    assert any("left out: a side is longer" in note for note in data.notes)
    assert any("of their tokens are padding" in note for note in data.notes)


def test_the_folder_of_pronalsyl_is_known_by_its_files(load, tmp_path):
    words = [f"{a}{b}\t{a} {b}" for a in "ABCDEFG" for b in "ABCDEFG"]
    (tmp_path / "g014b2b.train.gz").write_bytes(
        gzip.compress("\n".join(words).encode())
    )
    (tmp_path / "g014b2b.test.gz").write_bytes(gzip.compress(b"XY  X Y\nXY  Y\n"))
    data = load("--data.path", str(tmp_path), "--data.validation_share", "0.2")
    assert (data.name, data.target) == ("pronalsyl", "phonemes")
    assert data.sizes == {"train": 39, "validation": 10, "test": 1}
    assert data.references["test"] == (["xy"], [["X Y", "Y"]])


def test_cmudict_is_the_default(load):
    data = load("--data.limit", "100")
    assert data.name == "cmudict"
    assert data.sizes["validation"] == data.sizes["test"] == 100
    assert [t.kind for t in data.tokenisers] == ["characters", "symbols"]
    stressed = load("--data.limit", "100", "--data.stress", "true")
    assert stressed.references["test"][0] == data.references["test"][0]
    assert stressed.digest != data.digest


def test_settings_that_do_not_go_together_are_refused(load, capsys, file):
    for flags, message in [
        (["--data.name", "pairs"], "pairs need --data.path"),
        (["--data.name", "cmudict", "--data.path", str(file)], "takes no --data.path"),
        (["--data.joined", "true"], "one kind of tokens; got characters and symbols"),
        (["--data.test_share", "0"], "data.test_share must be above 0"),
        (["--data.path", "gone.tsv"], "There is no file gone.tsv"),
        (["--data.path", str(file), "--data.max_length", "2"], "no pair is within"),
        (["--decoding.beam", "0"], "decoding.beam must be at least 1"),
        (["--decoding.no_repeat_ngram", "-1"], "no_repeat_ngram must be at least 0"),
        (["--decoding.coverage_penalty", "-1"], "coverage_penalty must be at least 0"),
        (["--decoding.min_length", "-1"], "decoding.min_length must be at least 0"),
        (
            ["--decoding.min_length", "9", "--decoding.max_length", "9"],
            "decoding.min_length must be below decoding.max_length, which counts the",
        ),
        (["--decoding.length_penalty_kind", "gnmt"], "length_penalty_kind"),
        (["--data.path", str(file), "--data.stress", "true"], "stress is for cmudict"),
        (["--data.target_path", "b.txt"], "data.target_path needs the sources"),
        (
            ["--data.path", "a", "--data.target_path", "b", "--data.columns", "[x,y]"],
            "with data.target_path, lines are whole",
        ),
        (["--batch_size", "8"], "Did you mean --decoding.batch_size?"),
        (["--loss", "crf"], "'crf' is not known. Choose from: token_cross_entropy,"),
    ]:
        assert message in refused(load, capsys, *flags)


def test_the_monitor_goes_by_the_target_tokens():
    def judged(*flags):
        with imported_from(FOLDER):
            config = parse_config(importlib.import_module("config").Config, flags)
        return config.metric, config.monitor, config.better

    pairs = ("--data.path", "a.tsv")
    other = ("--task_metric", "cer", "--monitor", "val_loss")
    assert judged() == ("per", "val_per", "min")
    assert judged(*pairs) == ("bleu", "val_bleu", "max")
    assert judged(*pairs, *other) == ("cer", "val_loss", "min")


def test_every_option_of_decoding_is_used_but_in_what_is_exported():
    options = {"length_penalty_kind": "average", "coverage_penalty": 0.2}
    options |= {"no_repeat_ngram": 3, "min_length": 2, "length_penalty": 0.5}
    flags = [x for k, v in options.items() for x in (f"--decoding.{k}", str(v))]
    flags += ["--model.name", "lstm_small", "--model.arguments.width", "8"]
    with imported_from(FOLDER):
        config = parse_config(importlib.import_module("config").Config, flags)
        model = importlib.import_module("model")
        data = SimpleNamespace(
            tokenisers=[SimpleNamespace(size=9)] * 2,
            metadata={"longest_source": 7, "longest_target": 6},
        )
        trained = model.build_model(config, data)
        searching = model.build_translator(config, trained, data, beam=4)
        product = model.build_product(config, trained, data)
        data.metadata["longest_target"] = 2
        with pytest.raises(DataError, match="2 leaves no room: an answer"):
            model.build_translator(config, trained, data, beam=1)
    assert searching.decoding == Decoding(max_length=6, beam_size=4, **options)
    (greedy,) = (x for x in product.layers if isinstance(x, Translator))
    assert greedy.decoding == Decoding(max_length=6)
    facts = {"decoding": dataclasses.asdict(config.decoding)}
    assert as_evaluated(product, facts).decoding == searching.decoding


def test_every_length_penalty_is_a_choice():
    with imported_from(FOLDER):
        config = importlib.import_module("config")
    assert {*get_args(config.LengthPenalty)} == {*LENGTH_PENALTIES}


def test_every_data_set_is_a_choice():
    with imported_from(FOLDER):
        hints = get_type_hints(importlib.import_module("config").DataConfig)
    known = {row["name"] for row in catalog.data_sets("texts")}
    assert set(get_args(hints["name"])) - {"", "pairs"} == known


def test_weights_to_start_from_bring_their_vocabularies(load, file, tmp_path, capsys):
    flags = ["--data.source_tokens", "characters", "--data.target_tokens", "words"]
    before = load("--data.path", str(file), *flags, "--data.lower", "both")
    facts = {"labels": [], **before.metadata}
    (tmp_path / "data.json").write_text(json.dumps(facts))
    (tmp_path / "best.keras").touch()
    other = tmp_path / "other.tsv"
    other.write_text("".join(f"ABC {n}\tNuméro ici {n}!\n" for n in range(100)))
    start = ["--data.path", str(other), "--model.weights", str(tmp_path / "best.keras")]
    data = load(*start)
    assert data.tokenisers == before.tokenisers
    assert data.metadata["metric"] == before.metadata["metric"] == "bleu"
    sources, references = data.references["validation"]
    assert all(text.islower() for text in [*sources, *references[0]])
    assert "vocabularies are those that the weights know" in data.notes
    assert any(
        n.endswith("of the source tokens are in no vocabulary") for n in data.notes
    )
    error = refused(load, capsys, *start, "--data.source_tokens", "words")
    assert (
        "data.source_tokens words: the weights to start from know characters" in error
    )
