"""Let the model of a sequence-to-sequence run answer texts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kerazoo.harness.pair_text import Normaliser
from kerazoo.harness.tokenisers import from_json
from kerazoo.harness.translation import Answer, translate

if TYPE_CHECKING:
    import keras

    from kerazoo.zoo.seq2seq.decoding import Translator


def predict_texts(
    model: "keras.Model", facts: dict[str, Any], texts: Sequence[str], n_best: int = 1
) -> list[list[Answer]]:
    """Return the n best answers to every text, in the order of the texts.

    Texts are brought into the form that the model was trained on.

    Args:
        model: of the run: tokens in, tokens out.
        facts: of the run, from its `data.json`.
        texts: any number; they are decoded in batches of about the same length.
        n_best: answers to each text.
    """
    translator = as_evaluated(model, facts, n_best)
    normalise = Normaliser(**facts["source_normaliser"])
    sides = (from_json(facts[f"{side}_tokeniser"]) for side in ("source", "target"))
    return translate(translator, [normalise(text) for text in texts], *sides)


def as_evaluated(
    model: "keras.Model", facts: dict[str, Any], n_best: int = 1
) -> "Translator":
    """Let a run's stored model, which is greedy, search as when it was evaluated.

    Args:
        model: of the run: tokens in, tokens out.
        facts: of the run, from its `data.json`, or `Data.metadata`.
        n_best: answers to each text; where that is more than the hypotheses that are
            followed, as many are.
    """
    from kerazoo.zoo.seq2seq.decoding import Decoding, Translator

    (greedy,) = (layer for layer in model.layers if isinstance(layer, Translator))
    options = Decoding(
        max_length=greedy.decoding.max_length,
        beam_size=max(facts["decoding"]["beam"], n_best),
        n_best=n_best,
        alpha=facts["decoding"]["length_penalty"],
    )
    return Translator(greedy.encoder, greedy.decoder, options)
