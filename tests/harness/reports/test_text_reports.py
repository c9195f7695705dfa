"""The figures of models from texts to texts: nothing in them covers anything else."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from kerazoo.harness.reports import seq2seq
from kerazoo.harness.texts.tokenisers import ListTokeniser

SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")


def names(axes) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


# ------------------------------------------------------------------- error by length


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([11] * 80, ["11\n80"]),
        ([11] * 60 + [12] * 20, ["11\n60", "12\n20"]),
        ([7], ["7\n1"]),
        (range(1, 81), [f"{i}–{i + 9}\n10" for i in range(1, 81, 10)]),
        ([3] * 1500 + [9, 4, 8], ["3\n1,500", "4–9\n3"]),
    ],
)
def test_a_length_is_in_one_group(lengths, expected):
    figure = seq2seq.error_by_length([*lengths], [(1, 4)] * len(lengths), "words")
    assert names(figure.axes[0]) == expected


def test_a_model_without_errors_has_a_figure_too():
    (axes,) = seq2seq.error_by_length([3, 4], [(0, 2), (0, 2)], "words").axes
    assert axes.get_ylim() == (0, 1)


def test_groups_are_of_about_one_size_and_show_their_own_errors():
    lengths = np.random.default_rng(0).poisson(12, 4000) + 1
    groups = seq2seq.groups_by_length(lengths)
    assert sorted(np.concatenate(groups)) == [*range(4000)]
    ranges = [(lengths[g].min(), lengths[g].max()) for g in groups]
    assert all(a[1] < b[0] for a, b in pairwise(ranges))
    assert len(groups) >= 6 and all(200 < len(g) < 1000 for g in groups)
    edits = [(int(n > 12), 1) for n in lengths]
    (axes,) = seq2seq.error_by_length([*lengths], edits, "words").axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights[0] == 0 and heights[-1] == 1 and sorted(heights) == heights


# ------------------------------------------------------------------- attention maps


def maps_of(*pairs):
    """Draw made-up attention; a pair is the tokens of a source and of an answer."""
    tokens = [*SPECIAL, *dict.fromkeys(t for p in pairs for side in p for t in side)]
    tokeniser = ListTokeniser("symbols", tuple(tokens))
    shares = np.random.default_rng(0).dirichlet
    translator = SimpleNamespace(
        encoder=lambda source: None,
        decoder=SimpleNamespace(
            attention_maps=lambda given: shares(
                np.ones(given[2].shape[1]), (1, 2, 1, given[0].shape[1])
            )
        ),
    )
    figure = seq2seq.attention_maps(
        translator,
        SimpleNamespace(tokenisers=(tokeniser, tokeniser)),
        *([" ".join(pair[side]) for pair in pairs] for side in (0, 1)),
    )
    FigureCanvasAgg(figure).draw()
    return figure


def assert_apart(figure) -> None:
    for axes in figure.axes:
        across = [label.get_window_extent() for label in axes.get_xticklabels()]
        down = [label.get_window_extent() for label in axes.get_yticklabels()]
        assert all(a.x1 <= b.x0 for a, b in pairwise(across))
        assert all(a.y0 >= b.y1 for a, b in pairwise(down))
        assert min(box.y0 for box in across) >= 0 and min(box.x0 for box in down) >= 0
        assert axes.bbox.width > 150 and axes.bbox.height > 150


def rotations(figure) -> list[float]:
    return [axes.get_xticklabels()[0].get_rotation() for axes in figure.axes]


WORDS = ["The", "committee", "has", "not", "yet", "published", "its", "final"]
WORDS += ["recommendations", "to", "all"]


@pytest.mark.parametrize("count", [3, 7, 11, 12, 39])
def test_labels_of_sub_words_do_not_run_into_each_other(count):
    words = [f"{word}{n // 11 or ''}" for n, word in enumerate(4 * WORDS)][:count]
    figure = maps_of((words, words[::-1]), (words, words[:2]))
    assert_apart(figure)
    assert rotations(figure) == [0.0 if count == 3 else 90.0] * 2


def test_letters_stand_upright_and_long_tokens_are_cut():
    figure = maps_of(([*"abcdefghijk"], [*"lmno"]), (["a" * 60, "b"], ["c" * 60]))
    assert_apart(figure)
    assert rotations(figure)[0] == 0.0
    assert names(figure.axes[1])[0] == "a" * 13 + "…"


def test_wide_letters_are_counted_as_such():
    assert seq2seq._width("日本語") > 1.4 * seq2seq._width("abc")
