"""A small encoder and decoder that need no training, and the decoder in NumPy."""

import keras
import numpy as np
from keras import ops

SIZE, WIDTH, LONGEST = 11, 6, 40
START = 1


@keras.saving.register_keras_serializable(package="kerazoo_tests")
class ToyEncoder(keras.layers.Layer):
    def build(self, input_shape=None):
        self.embedding = self.add_weight(shape=(SIZE, WIDTH), name="embedding")

    def call(self, source):
        return ops.take(self.embedding, source, axis=0)


@keras.saving.register_keras_serializable(package="kerazoo_tests")
class ToyDecoder(keras.layers.Layer):
    """Its state tells apart every history, and its attention every step.

    After PAD, which only follows the end of an output, all of its numbers are NaN.
    """

    def build(self, input_shape=None):
        self.embedding = self.add_weight(shape=(SIZE, WIDTH), name="embedding")
        self.positions = self.add_weight(shape=(LONGEST, WIDTH), name="positions")
        self.readout = self.add_weight(shape=(WIDTH, SIZE), name="readout")
        self.bias = self.add_weight(shape=(SIZE,), name="bias")
        self.num_steps = 0  # counts where steps are not compiled

    def call(self, inputs):
        target, _, _ = inputs
        return ops.matmul(ops.take(self.embedding, target, axis=0), self.readout)

    def begin(self, memory, source, max_length):
        mask = ops.where(ops.equal(source, 0), -1e9, 0.0)
        return {"memory": memory, "mask": mask}, {"sum": ops.zeros_like(memory[:, 0])}

    def step(self, token, position, context, state):
        self.num_steps += 1
        entered = ops.take(self.embedding, token, axis=0)
        place = ops.take(self.positions, position, axis=0)
        new = ops.tanh(0.7 * state["sum"] + entered + place)
        ended = ops.expand_dims(ops.equal(token, 0), 1)
        new = ops.where(ended, float("nan"), new)
        similar = ops.einsum("bw,bsw->bs", new, context["memory"])
        attention = ops.softmax(similar + context["mask"], axis=-1)
        read = ops.einsum("bs,bsw->bw", attention, context["memory"])
        logits = ops.matmul(new + read, self.readout) + self.bias
        return logits, {"sum": new}, attention


def toy(seed=0, end=0.0):
    """Return an encoder and a decoder of random weights.

    Args:
        seed: of the weights.
        end: added to the logit of END: the higher, the shorter are outputs.
    """
    generator = np.random.default_rng(seed)
    encoder, decoder = ToyEncoder(), ToyDecoder()
    encoder.build()
    decoder.build()
    for weight in [*encoder.weights, *decoder.weights]:
        weight.assign(generator.normal(0.0, 1.2, weight.shape))
    bias = generator.normal(0.0, 0.3, SIZE)
    bias[2] += end
    decoder.bias.assign(bias)
    return encoder, decoder


def in_numpy(encoder, decoder, source):
    """Return a function from tokens to log-probabilities and attention, for one source.

    It computes everything anew, without a cache, a batch or padding.
    """
    read = ops.convert_to_numpy
    memory = read(encoder.embedding)[source].astype("float64")
    embedding, positions, readout, bias = (read(w) for w in decoder.weights)

    def predict(tokens):
        total = np.zeros(WIDTH)
        for position, token in enumerate([START, *tokens]):
            total = np.tanh(0.7 * total + embedding[token] + positions[position])
        attention = np.exp(memory @ total)
        attention /= attention.sum()
        logits = (total + attention @ memory) @ readout + bias
        return logits - np.log(np.exp(logits).sum()), attention

    return predict
