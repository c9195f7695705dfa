"""Zoo models that train side by side in one step, on JAX.

A small model alone has too little work in a step for an accelerator; here several share
it: `jax.vmap` over Keras's `stateless_call`.
"""

import copy
import functools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jax
import keras
import numpy as np
from jax import numpy as jnp

from kerazoo import zoo
from kerazoo.zoo.seq2seq.tokens import PAD, START

LENGTHS = (9, 13, 24)  # batches have one of these, of the longer side
SMOOTHING = 0.1  # share of the target spread over all tokens
WARM_UP = 0.05  # share of the steps
NAMES = ("source", "target", "wanted")


@dataclass(frozen=True)
class Kind:
    """Models that are trained side by side; their seeds differ."""

    count: int
    seed: int
    arguments: dict
    tokens: int  # of a batch, padding included
    learning_rate: float = 1e-3


class Pairs:
    """Pairs of tokens on the device, with soft targets if there are some.

    Args:
        source: uint8 (pairs, longest).
        target: uint8 (pairs, longest).
        wanted: probabilities of every token, (pairs, longest, vocabulary).
        repeat: times that a pass over the pairs takes each, (pairs,).
    """

    def __init__(self, source, target, wanted=None, repeat=None):
        given = {"source": source, "target": target, "wanted": wanted}
        self.arrays = {k: jnp.asarray(v) for k, v in given.items() if v is not None}
        self.lengths = np.maximum((source != PAD).sum(1), (target != PAD).sum(1))
        self.repeat = np.ones(len(source), int) if repeat is None else repeat

    def batches(self, kind: Kind, number: int) -> Iterator:
        """Yield (models, batch) places and their length; every model has its order."""
        random = np.random.default_rng((kind.seed, number))
        queue, low = [], 0
        for length in LENGTHS:
            size = batch_size(kind, length)
            (inside,) = np.nonzero((self.lengths > low) & (self.lengths <= length))
            inside, low = np.repeat(inside, self.repeat[inside]), length
            count = len(inside) // size
            if not count:
                continue
            orders = [random.permutation(inside) for _ in range(kind.count)]
            rows = np.stack(orders)[:, : count * size].astype("int32")
            queue += [(part, length) for part in np.split(rows, count, axis=1)]
        for n in random.permutation(len(queue)):
            yield queue[n]


def batch_size(kind: Kind, length: int) -> int:
    """Return how many pairs of a length a batch has."""
    return max(8, kind.tokens // length // 8 * 8)


class Ensemble:
    """Zoo models of one kind, as one: their variables are stacked."""

    def __init__(self, kind: Kind, sizes: tuple[int, int]):
        self.kind = kind
        models = []
        for n in range(kind.count):
            keras.utils.set_random_seed(kind.seed + n)
            names = {"source_vocabulary": sizes[0], "target_vocabulary": sizes[1]}
            models.append(
                zoo.create_model("transformer_small", **names, **kind.arguments)
            )
        self.model = models[0]
        self.weights = _stack([m.trainable_variables for m in models])
        self.state = _stack([m.non_trainable_variables for m in models])
        # Each step is given its rate: how many there will be is not known yet.
        self.optimizer = keras.optimizers.AdamW(
            1.0, weight_decay=0.0, global_clipnorm=1.0
        )
        self.optimizer.build(self.model.trainable_variables)
        self.optimizer_state = _stack([self.optimizer.variables] * kind.count)

    def load(self, files: list[Path]) -> None:
        """Begin with these weights, one file a model."""
        found = []
        for file in files:
            self.model.load_weights(file)
            found.append([v.value for v in self.model.trainable_variables])
        self.weights = [jnp.stack(same) for same in zip(*found, strict=True)]

    def save(self, file: Path) -> None:
        """Write the weights of an ensemble of one."""
        variables = self.model.trainable_variables
        for variable, values in zip(variables, self.weights, strict=True):
            variable.assign(values[0])
        self.model.save_weights(file)

    def part(self, members: list[int]) -> "Ensemble":
        """Return an ensemble of some of the models; to answer, not to train."""
        one, places = copy.copy(self), np.array(members)
        one.weights = [values[places] for values in self.weights]
        one.state = [values[places] for values in self.state]
        return one

    def mean(self) -> "Ensemble":
        """Return an ensemble of one model, with the mean of the weights."""
        one = self.part([0])
        one.weights = [jnp.mean(v, axis=0, keepdims=True) for v in self.weights]
        return one

    @property
    def variables(self) -> list:
        """All that a step changes."""
        return [self.weights, self.state, self.optimizer_state]

    def logits(self, weights, state, source, target):
        """Return the logits of every model: (models, batch, length, vocabulary)."""

        def one(weights, state):
            given = [source, shifted(target)]
            return self.model.stateless_call(weights, state, given)[0]

        return jax.vmap(one)(weights, state)

    def _loss(self, weights, state, source, target, wanted):
        logits, state = self.model.stateless_call(
            weights, state, [source, shifted(target)], training=True
        )
        if wanted is None:
            known = jax.nn.one_hot(target, logits.shape[-1])
            wanted = known * (1 - SMOOTHING) + SMOOTHING / logits.shape[-1]
        costs = -jnp.sum(wanted * jax.nn.log_softmax(logits), -1)
        real = target != PAD
        return jnp.sum(costs * real) / jnp.sum(real), state

    def _step(self, weights, state, optimizer_state, rate, places, arrays, *, length):
        optimizer = self.optimizer
        paths = [v.path for v in optimizer.variables]
        place = paths.index(optimizer._learning_rate.path)

        def one(weights, state, optimizer_state, source, target, wanted=None):
            (value, state), gradients = jax.value_and_grad(self._loss, has_aux=True)(
                weights, state, source, target, wanted
            )
            optimizer_state[place] = rate
            weights, optimizer_state = optimizer.stateless_apply(
                optimizer_state, gradients, weights
            )
            return weights, state, optimizer_state, value

        rows = [arrays[name][places, :length] for name in NAMES if name in arrays]
        rows[:2] = [tokens.astype("int32") for tokens in rows[:2]]
        return jax.vmap(one)(weights, state, optimizer_state, *rows)

    def compile(self, arrays: dict) -> dict[int, Callable]:
        """Return the training step of each length, for such arrays."""
        lowered = {}
        for length in LENGTHS:
            step = jax.jit(
                functools.partial(self._step, length=length), donate_argnums=(0, 1, 2)
            )
            shape = (self.kind.count, batch_size(self.kind, length))
            places = jax.ShapeDtypeStruct(shape, "int32")
            rate = jax.ShapeDtypeStruct((), "float32")
            lowered[length] = step.lower(*self.variables, rate, places, arrays)
        with ThreadPoolExecutor() as pool:
            compiled = pool.map(lambda step: step.compile(), lowered.values())
            return dict(zip(lowered, compiled, strict=True))

    def train(
        self, steps: dict[int, Callable], pairs: Pairs, seconds: float, report: Callable
    ) -> int:
        """Train for so long; return the number of passes over the pairs."""
        start, progress, done, passes, values = time.monotonic(), 0.0, 0, 0, []
        while progress < 1:
            for places, length in pairs.batches(self.kind, passes):
                rate = np.float32(self.kind.learning_rate * _shape(progress))
                got = steps[length](*self.variables, rate, places, pairs.arrays)
                self.weights, self.state, self.optimizer_state, value = got
                done += 1
                if done % 20 == 0:  # else the queue runs ahead of the clock
                    values.append(np.mean(value))
                    progress = (time.monotonic() - start) / seconds
                if progress >= 1:
                    break
            passes += 1
            if passes % 5 == 0 or progress >= 1:
                last = np.mean(values[-20:])
                report(f"pass {passes}, step {done}, loss {last:.4f}")
        return passes


class Judges:
    """Ensembles that answer together: the mean of their probabilities."""

    def __init__(self, ensembles: list[Ensemble]):
        self.ensembles = ensembles

    @property
    def _weights(self):
        return [(e.weights, e.state) for e in self.ensembles]

    def _all(self, weights, source, target):
        logits = [
            ensemble.logits(*given, source, target)
            for ensemble, given in zip(self.ensembles, weights, strict=True)
        ]
        return jax.nn.log_softmax(jnp.concatenate(logits))

    @functools.cached_property
    def _search(self):
        def run(weights, source):
            def add(place, target):
                together = jax.nn.logsumexp(self._all(weights, source, target), axis=0)
                chosen = jnp.argmax(together, -1)[:, place]
                return target.at[:, place].set(chosen.astype("int32"))

            empty = jnp.zeros(source.shape, "int32")
            return jax.lax.fori_loop(0, source.shape[1], add, empty)

        return jax.jit(run)

    def answer(self, source: np.ndarray) -> np.ndarray:
        """Return greedy answers, (words, length)."""
        parts = [self._search(self._weights, part) for part in _parts(source, 1024)]
        return np.concatenate(parts)[: len(source)]

    @functools.cached_property
    def _log_probabilities(self):
        def run(weights, source, target):
            source, target = source.astype("int32"), target.astype("int32")
            values = self._all(weights, source, target)
            chosen = jnp.take_along_axis(values, target[None, ..., None], -1)[..., 0]
            return jnp.mean(jnp.sum(chosen * (target != PAD), -1), 0)

        return jax.jit(run)

    def log_probabilities(self, source, target, batch: int = 4096) -> np.ndarray:
        """Return of each pair the mean of the models' log-probabilities."""
        found = np.zeros(len(source), "float32")
        lengths, low = np.maximum((source != PAD).sum(1), (target != PAD).sum(1)), 0
        pending = []
        for length in LENGTHS:
            (inside,) = np.nonzero((lengths > low) & (lengths <= length))
            low = length
            for start in range(0, len(inside), batch):
                part = inside[start : start + batch]
                rows = np.resize(part, batch)
                given = source[rows, :length], target[rows, :length]
                pending.append((part, self._log_probabilities(self._weights, *given)))
        for part, values in pending:
            found[part] = np.asarray(values)[: len(part)]
        return found

    def soft(self, source, target, batch: int = 4096) -> jax.Array:
        """Return the mean probabilities of every token, (pairs, length, vocabulary)."""

        @jax.jit
        def run(weights, source, target):
            source, target = source.astype("int32"), target.astype("int32")
            mean = jnp.mean(jnp.exp(self._all(weights, source, target)), 0)
            return mean.astype("bfloat16")

        both = zip(_parts(source, batch), _parts(target, batch), strict=True)
        parts = [run(self._weights, *given) for given in both]
        return jnp.concatenate(parts)[: len(source)]


def shifted(target):
    """Return what the decoder reads: each token a place later, after START."""
    return jnp.pad(target[..., :-1], ((0, 0), (1, 0)), constant_values=START)


def _parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Split rows into parts of one size; the last is filled up."""
    size = min(size, len(rows))
    parts = [rows[n : n + size] for n in range(0, len(rows), size)]
    return [np.resize(part, (size, rows.shape[1])) for part in parts]


def _stack(models: list) -> list:
    return [jnp.stack([v.value for v in same]) for same in zip(*models, strict=True)]


def _shape(progress: float) -> float:
    """Return the share of the highest learning rate: a rise, then a half cosine."""
    if progress < WARM_UP:
        return max(progress / WARM_UP, 0.01)
    return 0.5 + 0.5 * float(np.cos(np.pi * (progress - WARM_UP) / (1 - WARM_UP)))
