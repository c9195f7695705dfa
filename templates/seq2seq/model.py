"""Which zoo model?"""

import keras
from config import Config

from kerazoo import zoo
from kerazoo.harness import Data, load_weights
from kerazoo.harness.two_passes import TwoPassModel
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
    load_weights(model, config.model.weights)
    return TwoPassModel.of(model) if config.loss == "r_drop" else model


def build_translator(
    config: Config, model: keras.Model, data: Data, beam: int
) -> Translator:
    """Build what answers, with the model's weights; a beam of 1 is greedy."""
    options = Decoding(
        max_length=config.decoding.max_length or data.metadata["longest_target"],
        beam_size=beam,
        length_penalty=config.decoding.length_penalty,
    )
    return Translator.of(model, options)


def build_product(config: Config, model: keras.Model, data: Data) -> keras.Model:
    """Build the model that is exported: a row of tokens in, a row of tokens out."""
    translator = build_translator(config, model, data, beam=1)
    length = data.metadata["longest_source"]
    source = keras.Input((length,), dtype="int32", name="source")
    answers = translator(source)["tokens"][:, 0]
    outputs = keras.layers.Identity(name="tokens")(answers)
    return keras.Model(source, outputs, name=model.name)
