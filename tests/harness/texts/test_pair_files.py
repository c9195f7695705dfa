"""Pairs are read from every kind of file; odd lines are counted, shown and skipped."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from kerazoo.harness import DataError
from kerazoo.harness.texts import files
from kerazoo.harness.texts.files import Pair, read_pairs, stream_pairs
from kerazoo.harness.texts.odd_lines import OddLines
from kerazoo.harness.texts.text import normalisers

EXPECTED = [("big house", "großes Haus"), ("tree", "Baum")]


def objects(*rows, keys=("source", "target")):
    lines = [json.dumps(dict(zip(keys, row, strict=True))) for row in rows]
    return "\n".join(lines) + "\n"


def error_of(path, *arguments, **options) -> str:
    with pytest.raises(DataError) as caught:
        read_pairs(path, *arguments, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.isprintable()
    return message


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("a.tsv", "big house\tgroßes Haus\n\ntree\tBaum\n", {}),
        ("a.txt", "big house\tgroßes Haus\r\ntree\tBaum", {}),
        ("a.tsv", "\ufeffbig house\tgroßes Haus\ntree\tBaum", {}),
        ("a.tsv", "  big   house \t großes\u00a0Haus\ntree\tBaum\n", {}),
        (
            "a.tsv",
            "1\tgroßes Haus\tbig house\n2\tBaum\ttree\n",
            {"columns": ("3", "2")},
        ),
        (
            "a.tsv",
            "de\ten\ngroßes Haus\tbig house\nBaum\ttree\n",
            {"columns": ("en", "de")},
        ),
        ("a.tsv", "big house|großes Haus\ntree|Baum\n", {"delimiter": "|"}),
        ("a.csv", 'target,source\ngroßes Haus,"big\nhouse"\n"Baum",tree\n', {}),
        (
            "a.csv",
            "en;n;de\r\nbig house;1;großes Haus\r\n\r\ntree;2;Baum\r\n",
            {"columns": ("en", "de"), "delimiter": ";"},
        ),
        ("a.csv", "big house,großes Haus\ntree,Baum\n", {"columns": ("1", "2")}),
        ("a.jsonl", objects(*EXPECTED), {}),
        (
            "a.ndjson",
            "\n" + objects(*EXPECTED, keys=("en", "de")),
            {"columns": ("en", "de")},
        ),
        (
            "a.jsonl",
            "".join(
                json.dumps({"id": n, "translation": {"en": s, "de": t}}) + "\n"
                for n, (s, t) in enumerate(EXPECTED)
            ),
            {"columns": ("translation.en", "translation.de")},
        ),
        (
            "a.jsonl",
            json.dumps(
                {"a.b": "big house", "a": {"b": "no", "c": {"d": "großes Haus"}}}
            )
            + "\n"
            + json.dumps({"a": {"b": "tree", "c": {"d": "Baum"}}}),
            {"columns": ("a.b", "a.c.d")},
        ),
    ],
)
def test_every_kind_of_file_is_read(name, text, options, packed, tmp_path):
    path = tmp_path / (f"{name}.gz" if packed else name)
    content = text.encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    pairs, notes = read_pairs(path, **options)
    assert [pair[:2] for pair in pairs] == EXPECTED
    assert notes == []


HEADED = "English\tfr\nbig house\tgrande maison\n"
NOTE = "line 1, 'English' and 'fr', was taken for a pair. If it is a header, give "


@pytest.mark.parametrize(
    ("name", "text", "options", "noted"),
    [
        ("a.tsv", HEADED, {}, True),
        ("a.txt.gz", HEADED, {}, True),
        ("a.tsv", "1\t" + HEADED.replace("\n", "\n2\t", 1), {"columns": "23"}, True),
        ("a.csv", HEADED, {"columns": "12", "delimiter": "\t"}, True),
        ("a.tsv", HEADED, {"columns": ("English", "fr")}, False),
        ("a.tsv", "\n" + HEADED, {}, False),
        ("a.tsv", "fr\tfr\nthe\tle\n", {}, False),
        ("a.tsv", "to\ten\nthe\tle\n", {}, False),
        ("a.dict", "word phonemes\nthe DH AH\n", {}, False),
        ("a.jsonl", objects(("source", "target")), {}, False),
    ],
)
def test_a_first_line_like_a_header_is_noted(name, text, options, noted, tmp_path):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if ".gz" in name else text.encode())
    _, notes = read_pairs(path, **options)
    assert len(notes) == noted
    for note in notes:
        assert note.endswith(f"{NOTE}--data.columns '[English, fr]'")


def test_of_aligned_files_no_line_is_a_header(tmp_path):
    for name in ("source", "target"):
        (tmp_path / name).write_text(f"{name}\na\n")
    assert read_pairs(tmp_path / "source", tmp_path / "target")[1] == []


def test_a_lexicon_has_a_word_and_its_symbols(tmp_path):
    path = tmp_path / "g014b2b.train.gz"
    path.write_bytes(gzip.compress(b"ABBY\tAE B IY\nA  AH\n"))
    assert read_pairs(path)[0] == [Pair("ABBY", "AE B IY", 1), Pair("A", "AH", 2)]


def test_two_aligned_files_are_read(tmp_path):
    source, target = tmp_path / "a.en", tmp_path / "a.de.gz"
    source.write_text("big house\n\ntree\n")
    target.write_bytes(gzip.compress("großes Haus\nx\nBaum\n".encode()))
    pairs, notes = read_pairs(source, target, most_odd=0.5)
    assert pairs == [Pair(*EXPECTED[0], 1), Pair(*EXPECTED[1], 3)]
    assert len(notes) == 1
    assert notes[0].endswith("1 of 3 lines was skipped: 1 with an empty side (line 2)")
    source.write_text("big house\n")
    assert "ends after line 1, and " in error_of(source, target)


def test_other_encodings_are_read(tmp_path):
    path = tmp_path / "a.tsv"
    text = "".join(f"{s}\t{t}\n" for s, t in EXPECTED)
    for encoding in ("utf-16", "latin-1"):
        path.write_bytes(text.encode(encoding))
        pairs, _ = read_pairs(path, encoding=encoding)
        assert [pair[:2] for pair in pairs] == EXPECTED
        assert (
            f"--data.encoding{' utf-16' if encoding == 'utf-16' else ''}"
            in error_of(path)
        )


# ---------------------------------------------------------------------- the odd lines


def test_odd_lines_are_counted_by_kind_and_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LONGEST", 40)
    monkeypatch.setattr(files, "LONGEST_LINE", 100)
    lines = [b"a%d\tb" % i for i in range(1, 101)]
    odd = {
        2: b"no tab",
        3: b"\tempty",
        5: b"bad \xff\tx",
        7: b"x" * 41 + b"\ty",
        8: b"x" * 1000 + b"\ty",
        9: b"one\ttwo\tthree",
        10: b"no tab either",
    }
    for number, line in odd.items():
        lines[number - 1] = line
    path = tmp_path / "a.tsv"
    path.write_bytes(b"\n".join(lines))
    pairs, (note,) = read_pairs(path, most_odd=0.07)
    assert {pair.line for pair in pairs} == set(range(1, 101)) - set(odd)
    assert note.endswith(
        "7 of 100 lines were skipped: 2 without a tab (lines 2, 10), 1 with an empty "
        "side (line 3), 1 with what is not in utf-8 (line 5), 2 too long (lines 7, 8), "
        "1 with more than two fields (line 9)"
    )
    assert "Up to 6% are skipped. Is it --data.delimiter ' '?" in error_of(
        path, most_odd=0.06
    )


def test_lines_of_a_csv_may_be_too_long_too(tmp_path):
    path = tmp_path / "a.csv"
    lines = ["source,target", "x" * 1_200_000 + ",b", "c,d", "x" * 200_000 + ",f"]
    lines += ['"quoted', "x" * 1_200_000, 'more",h']
    path.write_text("\n".join([*lines, *(f"{n},{n}" for n in range(60))]))
    pairs, (note,) = read_pairs(path)
    assert len(pairs) == 61
    assert note.endswith("3 of 64 lines were skipped: 3 too long (lines 2, 4, 5)")


def test_an_unclosed_quote_counts_all_the_lines_that_it_takes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('source,target\na,b\nc,"d\ne,f\ng,h\n')
    assert "3 with broken quotes (lines 3, 4, 5)" in error_of(path)


def test_odd_objects_are_told_apart(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = ["{", "[1]", '{"source": "a"}', '{"source": "a", "target": 1}']
    lines += ['{"source": "a", "target": "\\ud800"}', "[" * 100_000]
    path.write_text("\n".join([*lines, objects(*EXPECTED)]))
    _, (note,) = read_pairs(path, most_odd=0.9)
    assert note.endswith(
        "6 of 8 lines were skipped: 2 that are not JSON (lines 1, 6), 1 that are not "
        "JSON objects (line 2), 1 without 'target' (line 3), 1 with a side that is "
        "not text (line 4), 1 with what is not in utf-8 (line 5)"
    )


def test_a_stream_stops_early_where_many_lines_are_odd(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("no tab\n" * 5000)
    odd = OddLines("a.tsv", 0.05)
    with pytest.raises(DataError, match="1,000 of 1,000 lines cannot be used"):
        next(stream_pairs(path, odd=odd))
    assert odd.num_lines == 1000


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("gone.tsv", None, {}, "There is no file"),
        ("folder.tsv", "folder", {}, "is a folder; give one file of it."),
        ("a.doc", b"a\tb\n", {}, "pairs are read from .tsv, .txt, .csv"),
        ("a.tsv", b"", {}, "is empty."),
        ("a.tsv", b"\n\n", {}, "holds no pairs."),
        ("a.csv", b"source,target\n", {}, "holds no pairs."),
        ("a.tsv", b"a;b\nc;d\n", {}, "Is it --data.delimiter ';'?"),
        ("a.tsv", b"a\tb\tc\n", {}, "Say which two they are"),
        ("a.csv", b"source;target\na;b\n", {}, "give --data.delimiter ';'"),
        ("a.csv", b"src,target\na,b\n", {}, "Did you mean 'src'? There are: src"),
        ("a.csv", b"source,target\na,b\n", {"delimiter": "::"}, "one character"),
        ("a.tsv", b"en\tde\na\tb\n", {"columns": ("en", "dee")}, "Did you mean 'de'?"),
        ("a.tsv", b"a\tb\n", {"columns": ("1",)}, "--data.columns takes two"),
        ("a.tsv", b"a\tb\n", {"columns": ("0", "1")}, "counted from 1"),
        ("a.tsv", b"a b\n", {"columns": ("1", "2"), "delimiter": " "}, "first word"),
        ("a.tsv", b"a\tb\n", {"columns": ("1", "3")}, "with too few fields"),
        ("a.jsonl", b'{"src": "a", "target": "b"}\n', {}, "'source' is not known."),
        (
            "a.jsonl",
            b'{"id": 1, "translation": {"en": "a", "fr": "b"}, "x": {}}\n',
            {},
            "There are: id, translation.en, translation.fr, x.",
        ),
        (
            "a.jsonl",
            b'{"translation": {"en": "a", "fr": "b"}}\n',
            {"columns": ("translation.en", "translation.de")},
            "'translation.de' is not known. Did you mean 'translation.en'?",
        ),
        ("a.jsonl", b'{"a": "b"}\n', {"columns": ("a", "a.b")}, "'a.b' is not known."),
        ("a.tsv", b"a\tb\n", {"encoding": "utf-99"}, "--data.encoding utf-99 cannot"),
        ("a.tsv", b"\xff\xfea\0\t\0b\0", {}, "give --data.encoding utf-16"),
        ("a.tsv", b"gr\xfc\xdfe\tb\n", {}, "Give --data.encoding, such as latin-1."),
        ("a.tsv.gz", b"a\tb\n", {}, "cannot be read: Not a gzipped file"),
        ("a.tsv", gzip.compress(b"a\tb\n", mtime=0), {}, "packed by gzip"),
        (
            "a.tsv.gz",
            gzip.compress(b"a\tb\n" * 99, mtime=0)[:-9],
            {},
            "cannot be read: ",
        ),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    name, content, options, message, tmp_path
):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    assert message in error_of(path, **options)


PIECE = st.sampled_from(
    [
        *(b"a", b"\t", b",", b'"', b"\n", b"\r", b"\0", b"\xff", b" ", b"\xc3\xa9"),
        *(b'{"source": "a", "target": "b"}\n', b"a\tb\n", b"a,b\n", b"\xef\xbb\xbf"),
    ]
)


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    content=st.one_of(
        st.binary(max_size=60), st.lists(PIECE, max_size=30).map(b"".join)
    ),
    framed=st.booleans(),
    packed=st.sampled_from([None, "whole", "cut"]),
    columns=st.sampled_from([(), ("1", "2"), ("source", "target"), ("2", "1")]),
    delimiter=st.sampled_from(["", ";", "\t", '"', " ", "::"]),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16", "ascii", "utf-7"]),
)
def test_any_bytes_are_pairs_or_one_line(
    content, framed, packed, columns, delimiter, encoding, tmp_path
):
    if framed:
        content = b"source,target\n" + b"1,2\n" * 6 + content
    if packed:
        content = gzip.compress(content)[: -5 if packed == "cut" else None]
    options = {"columns": columns, "delimiter": delimiter, "encoding": encoding}
    for suffix in (".tsv", ".csv", ".jsonl", ".dict"):
        path = tmp_path / f"a{suffix}{'.gz' * bool(packed)}"
        path.write_bytes(content)
        for target_path in ("", path):
            try:
                pairs, _ = read_pairs(path, target_path, most_odd=0.9, **options)
            except DataError as error:
                assert len(str(error).splitlines()) == 1 and str(error).isprintable()
            else:
                assert pairs and all(pair.source and pair.target for pair in pairs)
                "".join(pair.source + pair.target for pair in pairs).encode()


# ------------------------------------------------------------------------ the one form


def test_normalisation_and_casing_are_options(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("Cafe\u0301 \ufb01\tÉté ﬁ\n")
    read = {
        options: read_pairs(path, normalise=normalisers(*options))[0][0][:2]
        for options in [("NFC", "none"), ("none", "target"), ("NFKC", "both")]
    }
    assert read["NFC", "none"] == ("Café ﬁ", "Été ﬁ")
    assert read["none", "target"] == ("Cafe\u0301 ﬁ", "été ﬁ")
    assert read["NFKC", "both"] == ("café fi", "été fi")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=20), st.sampled_from(["NFC", "NFKC"]), st.booleans())
def test_a_text_in_its_form_is_left_as_it_is(text, form, lower):
    clean, _ = normalisers(form, "source" if lower else "none")
    once = clean(text)
    assert clean(once) == once
