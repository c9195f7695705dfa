"""Judge a model while it is trained by what it answers, not by its loss alone."""

# ruff: noqa: D102  (what Keras calls is documented there)

from collections.abc import Callable, Sequence

import keras

from kerazoo.harness.texts.text_scores import References, TextMetric

NUM_SHOWN = 20  # samples of the table that grows by the epoch


class DecodedScore(keras.callbacks.Callback):
    """Let a model answer a fixed sample after every epoch, and score the answers.

    The scores join the epoch's own as `val_…`, so that `config.monitor` can pick the
    best epoch by them.

    Args:
        translate: texts to answers, with the weights in training.
        sources: (samples,) texts of the validation split.
        references: the right answers to each.
        metric: how answers are judged.
        show: is given a table of a few answers after every epoch, by column.
    """

    def __init__(
        self,
        translate: Callable[[Sequence[str]], list[str]],
        sources: Sequence[str],
        references: References,
        metric: TextMetric,
        show: Callable[[dict[str, list]], None],
    ):
        super().__init__()
        self.translate = translate
        self.sources = list(sources)
        self.references = list(references)
        self.metric = metric
        self.show = show

    @property
    def names(self) -> list[str]:
        """What the scores are called."""
        # A right answer to one source is enough to see it.
        first = self.references[:1]
        measured = self.metric.measure([right[0] for right in first], first)
        return [f"val_{name}" for name in measured]

    def score(self) -> dict[str, float]:
        """Return the scores of the model's answers as it is now, as `val_…`."""
        self.answers = self.translate(self.sources)
        scores = self.metric.measure(self.answers, self.references)
        return {f"val_{name}": score for name, score in scores.items()}

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self.score())
        answers = self.answers
        shown = slice(NUM_SHOWN)
        self.show(
            {
                "epoch": [epoch + 1] * len(answers[shown]),
                "source": self.sources[shown],
                "answer": answers[shown],
                "reference": [" | ".join(r) for r in self.references[shown]],
            }
        )
