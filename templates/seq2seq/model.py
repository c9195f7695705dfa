"""Which zoo model?"""

import keras
from config import Config

from kerazoo import zoo
from kerazoo.harness import Data, DataError, TwoPassModel, load_weights
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator


def build_model(config: Config, data: Data) -> keras.Model:
    """Build the model that is trained: source and target tokens in, logits out."""
    source, target = data.tokenisers
    model = zoo.create_model(
        config.model.name,
        source_vocabulary=source.size,
        target_vocabulary=target.size,
        **config.model.arguments,
    )
    load_weights(model, config.model)
    return TwoPassModel.of(model) if config.loss == "r_drop" else model


def build_translator(
    config: Config, model: keras.Model, data: Data, beam: int
) -> Translator:
    """Build what answers, with the model's weights; a beam of 1 is greedy."""
    chosen = config.decoding
    options = Decoding(
        max_length=longest_answer(config, data),
        min_length=chosen.min_length,
        beam_size=beam,
        length_penalty_kind=chosen.length_penalty_kind,
        length_penalty=chosen.length_penalty,
        coverage_penalty=chosen.coverage_penalty,
        no_repeat_ngram=chosen.no_repeat_ngram,
    )
    return Translator.of(model, options)


def longest_answer(config: Config, data: Data) -> int:
    """Return how many tokens an answer may have, its end included."""
    longest = config.decoding.max_length or data.metadata["longest_target"]
    if config.decoding.min_length >= longest:
        raise DataError(
            f"--decoding.min_length {config.decoding.min_length} leaves no room: an "
            f"answer has at most {longest} tokens with its end, as many as the longest "
            "target. Give a lower one, or --decoding.max_length."
        )
    return longest


def build_product(config: Config, model: keras.Model, data: Data) -> keras.Model:
    """Build the model that is exported: a row of tokens in, a row of tokens out.

    It searches greedily and without the other options, as clients of its steps do.
    """
    plain = Decoding(max_length=longest_answer(config, data))
    translator = Translator.of(model, plain)
    length = data.metadata["longest_source"]
    source = keras.Input((length,), dtype="int32", name="source")
    answers = translator(source)["tokens"][:, 0]
    outputs = keras.layers.Identity(name="tokens")(answers)
    return keras.Model(source, outputs, name=model.name)
