"""Write a Translator as two signatures, for a search on the client's side.

`encode` reads a source once, and says how long an answer may be. `decode_step` takes
one token, and what `encode` gave and the last step returned: the cache goes in and out,
so that a client can follow several hypotheses. `token_search.py` is the reference.
"""

from pathlib import Path

import keras
import tensorflow as tf

from kerazoo.zoo.seq2seq.decoding import Translator


def write_steps(model: keras.Model, folder: Path) -> None:
    """Write a SavedModel of a Translator's two halves, for one source at a time.

    Args:
        model: source tokens, of one length, through a `Translator`.
        folder: receives the SavedModel.
    """
    (translator,) = (x for x in model.layers if isinstance(x, Translator))
    encoder, decoder = translator.encoder, translator.decoder
    max_length = translator.decoding.max_length
    source = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.int32, name="source")

    def encode(source):
        memory = encoder(source, training=False)
        context, state = decoder.begin(memory, source, max_length)
        most = {"max_length": tf.constant(max_length)}
        return {**most, **_named("context", context), **_named("state", state)}

    def decode_step(inputs):
        kept = [
            {
                name.removeprefix(f"{kind}_"): inputs[name]
                for name in inputs
                if name.startswith(f"{kind}_")
            }
            for kind in ("context", "state")
        ]
        logits, state, attention = decoder.step(
            inputs["token"], inputs["position"], *kept
        )
        return {"logits": logits, "attention": attention, **_named("state", state)}

    handed_on = tf.function(encode).get_concrete_function(source).structured_outputs
    step = {
        "token": tf.TensorSpec((1,), tf.int32, name="token"),
        "position": tf.TensorSpec((), tf.int32, name="position"),
        **{
            name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
            for name, tensor in handed_on.items()
            if name != "max_length"
        },
    }
    archive = keras.export.ExportArchive()
    archive.track(translator)
    archive.add_endpoint("encode", encode, input_signature=[source])
    archive.add_endpoint("decode_step", decode_step, input_signature=[step])
    archive.write_out(str(folder), verbose=False)


def _named(kind: str, tensors: dict) -> dict:
    return {f"{kind}_{name}": tensor for name, tensor in tensors.items()}
