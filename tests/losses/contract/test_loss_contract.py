"""What every loss promises, checked for each one on the backend of this process."""

import json
import re
from functools import cache, partial

import keras
import numpy as np
import pytest
from loss_backend import call, compiled, probe, with_mask
from loss_kinds import PAIRED
from loss_rows import ROWS

from kerazoo import losses
from kerazoo.losses._base import arguments

NAMES = losses.list_losses()
for_every_loss = pytest.mark.parametrize("name", NAMES)
N = 6


def make(name, /, **changes):
    """The loss of a row in float64; not reduced unless the test says otherwise."""
    options = {"dtype": "float64", "reduction": None, **ROWS[name].arguments, **changes}
    loss = losses.get(name, **options)
    if hasattr(loss, "attach"):  # asked for before its gradient may be taken
        inputs = keras.Input((1,))
        loss.attach(keras.Model(inputs, inputs))
    return loss


def data(name, n=N):
    return ROWS[name].kind.sample(np.random.default_rng(sum(map(ord, name))), n)


@cache
def shared_probe(name):
    """One compiled function for the checks that differ only in their numbers."""
    return probe(make(name))


def close(actual, expected, tolerance=1e-6):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def test_every_loss_has_a_row():
    assert set(NAMES) == set(ROWS)


@for_every_loss
def test_one_value_a_sample_as_the_oracle_says(name):
    y_true, y_pred = data(name)
    close(call(make(name), y_true, y_pred), ROWS[name].oracle(y_true, y_pred))


@for_every_loss
def test_hand_worked_number(name):
    row = ROWS[name]
    y_true, y_pred, expected = row.hand
    loss = losses.get(name, dtype="float64", **row.hand_arguments)
    close(call(loss, np.array(y_true), np.array(y_pred, "float64")), expected)


@for_every_loss
def test_lists_are_taken_for_arrays(name):
    y_true, y_pred = data(name)
    values = call(make(name), y_true.tolist(), y_pred.tolist())
    close(values, call(make(name), y_true, y_pred))


@for_every_loss
def test_reductions(name):
    y_true, y_pred = data(name)
    values = call(make(name), y_true, y_pred)
    assert values.shape[0] == N
    close(call(make(name, reduction="none"), y_true, y_pred), values)
    close(call(make(name, reduction="sum"), y_true, y_pred), values.sum())
    for mean in ("mean", "sum_over_batch_size", "mean_with_sample_weight"):
        close(call(make(name, reduction=mean), y_true, y_pred), values.mean())


@for_every_loss
def test_sample_weights(name):
    y_true, y_pred = data(name)
    values = call(make(name), y_true, y_pred)
    weight = np.linspace(0.0, 2.0, N)
    full = np.broadcast_to(weight.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
    for shaped in (full, full[..., None]):
        weighted = call(make(name), y_true, y_pred, sample_weight=shaped)
        close(weighted.reshape(full.shape), values * full)
    total = call(make(name, reduction="sum"), y_true, y_pred, sample_weight=full)
    close(total, (values * full).sum())
    mean = make(name, reduction="mean_with_sample_weight")
    mean = call(mean, y_true, y_pred, sample_weight=full)
    close(mean, (values * full).sum() / full.sum())
    if not ROWS[name].batchwise:  # weight 0 is as good as absence
        rest = call(make(name, reduction="sum"), y_true[1:], y_pred[1:])
        full = (full > 0) * 1.0
        total = call(make(name, reduction="sum"), y_true, y_pred, sample_weight=full)
        close(total, rest)


@for_every_loss
def test_masks(name):
    y_true, y_pred = data(name)
    values = call(make(name), y_true, y_pred)
    mask = np.resize([True, False, True], values.shape)
    masked = call(make(name, reduction="mean"), y_true, with_mask(y_pred, mask))
    close(masked, values[mask].mean())


@for_every_loss
def test_other_forms_of_the_same_labels(name):
    y_true, y_pred = data(name)
    values = call(make(name), y_true, y_pred)
    for twin, twin_pred in ROWS[name].kind.twins(y_true, y_pred):
        close(call(make(name), twin, twin_pred), values)


@pytest.mark.parametrize("name", [n for n in ROWS if ROWS[n].kind in PAIRED])
def test_a_vector_and_a_column_are_the_same(name):
    y_true, y_pred = (array[:, 0] for array in data(name))
    lists = [k for k, v in ROWS[name].arguments.items() if isinstance(v, list)]
    plain = dict.fromkeys(lists)  # one number a label cannot fit one label
    values = call(make(name, **plain), y_true[:, None], y_pred[:, None])
    assert values.shape == (N,)
    weight = np.arange(N) / 3
    pairs = [(y_true, y_pred), (y_true[:, None], y_pred), (y_true, y_pred[:, None])]
    for pair in pairs:
        close(call(make(name, **plain), *pair), values)
        loss = make(name, reduction="mean", **plain)
        mean = call(loss, *pair, sample_weight=weight)
        close(mean, (values * weight).mean())


@for_every_loss
def test_shapes_that_do_not_fit_are_refused(name):
    for y_true, y_pred in ROWS[name].kind.misfits(*data(name)):
        with pytest.raises(ValueError, match=r"shape|y_pred|y_true"):
            make(name)(y_true, y_pred)


@for_every_loss
def test_logits_and_probabilities_agree(name):
    row = ROWS[name]
    activation = row.activation or row.kind.activation
    loss_class = losses.get_class(name)
    if "from_logits" not in arguments(loss_class):
        return
    if getattr(loss_class, "needs_scores", False):
        with pytest.raises(ValueError, match="needs scores"):
            make(name, from_logits=False)
        return
    y_true, y_pred = data(name)
    if activation is None:  # the samples are probabilities
        logits, p = np.log(y_pred), y_pred
    else:
        logits, p = y_pred, activation(y_pred)
    values = call(make(name, from_logits=True), y_true, logits)
    close(call(make(name, from_logits=False), y_true, p), values, 1e-5)


@for_every_loss
def test_finite_at_extremes_and_when_perfect(name):
    row = ROWS[name]
    y_true, y_pred = data(name)
    loss = make(name, dtype="float32")
    perfect = row.kind.perfect(y_true, y_pred)
    look = probe(loss)
    for far in [*row.kind.extremes(y_pred), perfect]:
        values, slope = look(y_true, far.astype("float32"))
        assert np.isfinite(values).all()
        assert np.isfinite(slope).all()
    if "label_smoothing" in arguments(type(loss)):
        loss = make(name, label_smoothing=0.0)
    best = call(loss, y_true, perfect).mean()
    assert best <= call(loss, y_true, y_pred).mean()


@for_every_loss
def test_one_sample_and_one_class(name):
    row = ROWS[name]
    y_true, y_pred = data(name)
    batches = [data(name, 1)]
    if row.kind.one_class is not None:
        batches.append((row.kind.one_class(y_true), y_pred))
    look = shared_probe(name)
    for batch in batches:
        values, slope = look(*batch)
        close(values, row.oracle(*batch))
        assert np.isfinite(slope).all()


@for_every_loss
def test_gradient_against_central_differences(name):
    """The differences are the oracle's: Keras's means are no finer than float32."""
    oracle, (y_true, y_pred) = ROWS[name].oracle, data(name)
    if ROWS[name].holds_constants:
        oracle = partial(oracle, constant_at=y_pred)
    slope, step = shared_probe(name)(y_true, y_pred)[1], 1e-5
    rng = np.random.default_rng(0)
    for _ in range(3):
        way = rng.normal(size=y_pred.shape)
        ahead = np.sum(oracle(y_true, y_pred + step * way))
        behind = np.sum(oracle(y_true, y_pred - step * way))
        close((slope * way).sum(), (ahead - behind) / (2 * step), 1e-5)


@for_every_loss
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(name, dtype):
    y_true, y_pred = data(name)
    # The predictions are rounded first: it is the loss's own error that counts here.
    rounded = keras.ops.cast(keras.ops.cast(y_pred, dtype), "float32")
    y_pred = keras.ops.convert_to_numpy(rounded)
    expected = ROWS[name].oracle(y_true, y_pred.astype("float64"))
    look = probe(make(name, dtype=dtype), with_slope=dtype == "float16")
    values, slope = look(y_true, y_pred)
    close(values.astype("float64"), expected, ROWS[name].half_tolerance)
    assert np.isfinite(slope).all()


@for_every_loss
def test_compiled(name):
    y_true, y_pred = data(name)
    loss = make(name, reduction="sum_over_batch_size")
    close(compiled(loss, y_true, y_pred), call(loss, y_true, y_pred))


@for_every_loss
def test_config_round_trip(name):
    y_true, y_pred = data(name)
    loss = make(name, name="mine", reduction="sum")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == loss.get_config()
    assert (again.name, again.reduction) == ("mine", "sum")
    assert again.dtype == "float64"
    assert set(loss.get_config()) == set(arguments(type(loss)))
    close(call(again, y_true, y_pred), call(loss, y_true, y_pred), 1e-5)


@for_every_loss
def test_name_and_documentation(name):
    loss_class = losses.get_class(name)
    assert make(name).name == name
    assert loss_class.__name__.endswith("Loss")
    for section in ("Args:", "Shapes:", "Raises:", ">>> "):
        assert section in loss_class.__doc__, section
    named = [
        a for a in arguments(loss_class) if a not in ("name", "reduction", "dtype")
    ]
    for argument in named:
        assert re.search(rf"\b{argument}\b", loss_class.__doc__), argument
