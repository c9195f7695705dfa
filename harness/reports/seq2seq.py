"""Plots and tables that a person looks at to judge a model from texts to texts."""

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from kerazoo.harness.data import Data
from kerazoo.harness.export.exam import Metric
from kerazoo.harness.reports.common import BLUE, GREY, Report, plain
from kerazoo.harness.texts import text_scores, translation
from kerazoo.harness.texts.predict import as_evaluated
from kerazoo.harness.texts.text_scores import TextMetric
from kerazoo.zoo.seq2seq.tokens import END, PAD, START

if TYPE_CHECKING:
    import keras

    from kerazoo.zoo.seq2seq.decoding import Translator

NUM_SHOWN = 100  # test samples in the table of answers
NUM_MAPS = 4  # attention maps that are drawn
LONGEST_MAP = 40  # tokens; a longer one cannot be read
LONGEST_LABEL = 14  # characters of a token beside a map
LABEL_EM = 8 / 72  # inches: the letters there have 8 points
NUM_LENGTHS = 8  # groups of sources by their length at most
UNITS = {"per": "symbols", "wer": "words", "cer": "characters", "bleu": "words"}


def metric(data: Data) -> Metric:
    """Return the score that exports may not worsen: of texts, by sample number.

    An answer is right or it is not: tokens have no differences to measure.
    """
    judged = judge(data)
    _, target = data.tokenisers
    _, references = data.references["validation"]

    def measure(samples: np.ndarray, outputs: np.ndarray) -> float:
        answers = [target.decode(row) for row in outputs]
        scores = judged.measure(answers, [references[int(i)] for i in samples])
        return scores[judged.name]

    return Metric(
        judged.name,
        measure,
        higher_is_better=judged.higher_is_better,
        spread=lambda samples: 100.0 if judged.name == "bleu" else 1.0,
        decide=lambda outputs: np.array([target.decode(row) for row in outputs]),
        max_difference={},
        count_tokens=lambda row: np.count_nonzero(row != PAD),  # END is a step too
    )


def headline(data: Data) -> tuple[str, ...]:
    """Return the scores to name first."""
    return tuple(judge(data).measure(["a"], [["a"]]))


def evaluate(translator: "Translator", data: Data) -> Report:
    """Let a model answer the whole test split, and judge the answers.

    Args:
        translator: a trained model, and how it decodes.
        data: `references` and `tokenisers` are used.
    """
    sources, references = data.references["test"]
    answers = translation.translator_of_texts(translator, data)(sources)
    scores = judge(data).measure(answers, references)
    unit = UNITS[data.metadata["metric"]]
    if unit == "words" and bleu_words(data) in ("zh", "char"):
        unit = "characters"
    edits = text_scores.nearest_edits(answers, references, unit == "characters")
    figures = {
        "error_by_length": error_by_length(
            [len(data.tokenisers[0].encode(text)) for text in sources],
            edits,
            unit,
        ),
        "attention": attention_maps(translator, data, sources, answers),
    }
    shown = slice(NUM_SHOWN)
    table = {
        "source": list(sources[shown]),
        "answer": answers[shown],
        "right": [" | ".join(several) for several in references[shown]],
        "edits": [count for count, _ in edits[shown]],
    }
    figures = {name: figure for name, figure in figures.items() if figure}
    return Report(
        summary(scores, data, len(sources)), scores, figures, {"answers": table}
    )


def score(model: "keras.Model", data: Data) -> dict[str, float]:
    """Measure a stored model, tokens in and tokens out, on the test split."""
    sources, references = data.references["test"]
    translator = as_evaluated(model, data.metadata)
    answers = translation.translator_of_texts(translator, data)(sources)
    return judge(data).measure(answers, references)


def judge(data: Data) -> TextMetric:
    """Return how the answers are judged."""
    metric = text_scores.METRICS[data.metadata["metric"]]
    if metric.name != "bleu":
        return metric
    words = {"words": bleu_words(data)}
    return replace(metric, measure=functools.partial(metric.measure, **words))


def bleu_words(data: Data) -> str:
    """Return how BLEU parts texts into words."""
    return data.metadata.get("bleu_words", "13a")


def summary(scores: dict[str, float], data: Data, count: int) -> str:
    """Say in a line how good the answers are, and how that was measured."""
    shown = [
        f"{name.upper().replace('_', ' ')} {value:.1f}"
        if data.metadata["metric"] == "bleu"
        else f"{name.upper().replace('_', ' ')} {value:.2%}"
        for name, value in scores.items()
    ]
    how = text_scores.signature(data.metadata["metric"], bleu_words(data))
    return f"**{', '.join(shown)}** on {count:,} test texts ({how})"


def error_by_length(
    lengths: Sequence[int], edits: Sequence[tuple[int, int]], unit: str
) -> Figure:
    """Draw the error rate by the length of the source, groups of about one size.

    Args:
        lengths: tokens of each source.
        edits: (wrong, all) units of each answer.
        unit: what is counted, such as "words".
    """
    lengths, counts = np.array(lengths), np.array(edits)
    groups = groups_by_length(lengths)
    rates = [counts[g, 0].sum() / max(counts[g, 1].sum(), 1) for g in groups]
    names = [f"{_range(lengths[g])}\n{len(g):,}" for g in groups]
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(groups)), rates, color=BLUE)
    whole = counts[:, 0].sum() / max(counts[:, 1].sum(), 1)
    axes.axhline(whole, color=GREY, ls="--", lw=1, label=f"all: {whole:.1%}")
    axes.set_xticks(range(len(groups)), names)
    axes.set_xlim(-0.6, max(len(groups), 4) - 0.4)  # a single bar is no wall
    axes.set(xlabel="tokens of the source; below, how many texts there are")
    axes.set(ylabel=f"share of {unit} wrong", title="Error by length, test split")
    axes.set_ylim(0, 1.2 * max(rates) or 1)  # room for the legend above the bars
    axes.legend(frameon=False, loc="upper right")
    plain(axes)
    return figure


def groups_by_length(lengths: np.ndarray) -> list[np.ndarray]:
    """Return places in groups of about one size, short ones first.

    All that are of one length stay together, so that there may be fewer groups.

    >>> groups_by_length(np.array([11, 11, 11, 11, 12]))
    [array([0, 1, 2, 3]), array([4])]
    """
    _, length_of, counts = np.unique(lengths, return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - counts / 2
    group_of = (middles * NUM_LENGTHS // len(lengths))[length_of]
    return [np.flatnonzero(group_of == number) for number in np.unique(group_of)]


def _range(lengths: np.ndarray) -> str:
    low, high = lengths.min(), lengths.max()
    return f"{low}" if low == high else f"{low}–{high}"


def attention_maps(
    translator: "Translator", data: Data, sources: Sequence[str], answers: list[str]
) -> Figure | None:
    """Draw where the decoder looks: the last layer, the mean of its heads."""
    from keras import ops

    source, target = data.tokenisers
    pairs = [
        (source.encode(s), target.encode(a))
        for s, a in zip(sources, answers, strict=True)
    ]
    fitting = [p for p in pairs if p[1] and max(map(len, p)) < LONGEST_MAP][:NUM_MAPS]
    if not fitting:
        return None
    # So that a line of text goes into each row.
    side = max(4.2, 1.6 + LABEL_EM * 1.2 * (max(max(map(len, p)) for p in fitting) + 1))
    figure = Figure(figsize=(side * len(fitting), side), layout="constrained")
    grid = np.atleast_1d(figure.subplots(1, len(fitting)))
    for axes, (given, answered) in zip(grid, fitting, strict=True):
        inputs = np.array([[*given, END]]), np.array([[START, *answered]])
        memory = translator.encoder(inputs[0])
        maps = translator.decoder.attention_maps([inputs[1], memory, inputs[0]])
        heads = ops.convert_to_numpy(maps)[0, -1]
        axes.imshow(heads.mean(axis=0), cmap="Blues", aspect="auto")
        across, down = _labels(source, given), _labels(target, answered)
        axes.set_xticks(range(len(across)), across)
        axes.set_yticks(range(len(down)), down)
        axes.tick_params(labelsize=LABEL_EM * 72)
        room = side - 0.8 - max(map(_width, down))  # beside the labels of the rows
        axes.tick_params(axis="x", rotation=90 if _touch(across, room) else 0)
        axes.set(xlabel="source", ylabel="answer")
    figure.suptitle("Attention to the source: last layer, mean of the heads")
    return figure


def _labels(tokeniser, ids: Sequence[int]) -> list[str]:
    texts = [tokeniser.decode([i]) for i in ids]
    most = LONGEST_LABEL
    return [t if len(t) <= most else f"{t[: most - 1]}…" for t in texts] + ["end"]


def _touch(labels: Sequence[str], inches: float) -> bool:
    """Say whether labels run into each other that stand side by side."""
    widths = [_width(label) + LABEL_EM for label in labels]
    return any((a + b) / 2 > inches / len(labels) for a, b in pairwise(widths))


def _width(label: str) -> float:
    """Return about how many inches a label takes; letters differ."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in label)
    return LABEL_EM * (0.65 * (len(label) - wide) + wide)
