"""Batches without pairs, default arguments far out, and proxies that train and save."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kerazoo import losses

sys.path.insert(0, str(Path(__file__).with_name("contract")))
from loss_backend import call, probe

PROXIES = [
    "arc_face",
    "cos_face",
    "normalized_softmax",
    "proxy_anchor",
    "sub_center_arc_face",
]
EMBEDDINGS = [
    "circle",
    "lifted_struct",
    "multi_similarity",
    "sup_con",
    "triplet_batch_all",
    "triplet_hard",
    "triplet_semi_hard",
]
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(6, 5)).astype("float32")


def make(name, **changes):
    options = {"reduction": None, **changes}
    if name in PROXIES:
        options = {"num_classes": 6, "features": 5, **options}
    loss = losses.get(name, **options)
    if name in PROXIES:
        loss.attach(small_model())
    return loss


def small_model():
    inputs = keras.Input((5,))
    return keras.Model(inputs, keras.layers.Dense(5)(inputs))


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_where_there_is_nothing_to_compare_it_costs_nothing(name):
    look = probe(make(name))
    batches = [(np.arange(1), Z[:1])]
    if name != "triplet_hard":  # an anchor alone in its class is its own partner
        batches.append((np.arange(6), Z))
    if name != "sup_con":  # all are partners
        batches.append((np.zeros(6), Z))
    for batch in batches:
        values, slope = look(*batch)
        np.testing.assert_array_equal(values, 0.0)
        np.testing.assert_array_equal(slope, 0.0)


@pytest.mark.parametrize("name", [*EMBEDDINGS, *PROXIES])
@pytest.mark.parametrize("label", [np.arange(6), np.zeros(6), np.arange(6) % 2])
def test_finite_far_out_with_the_default_arguments(name, label):
    look, sign = probe(make(name)), np.sign(Z)
    for far in (1e4 * sign, np.full_like(Z, 1e4), np.zeros_like(Z), 1e4 * Z):
        values, slope = look(label, far)
        assert np.isfinite(values).all()
        assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", ["nt_xent", "vicreg", "barlow_twins"])
def test_views_far_out_with_the_default_arguments(name):
    look, z = probe(make(name)), np.stack([Z, Z[::-1]], axis=1)
    for far in (1e4 * np.sign(z), np.full_like(z, 1e4), np.zeros_like(z), z[:1]):
        values, slope = look(np.zeros(len(far)), far)
        assert np.isfinite(values).all()
        assert np.isfinite(slope).all()


def test_nearly_equal_embeddings_far_from_the_origin():
    """Rounding must not drown what sets embeddings apart."""
    close = np.array([[0.0], [0.25], [0.75]], "float32")
    loss, label = make("triplet_hard", margin=1.0), np.array([0, 0, 1])
    expected = call(loss, label, close)
    np.testing.assert_allclose(call(loss, label, close + 1e4), expected, rtol=1e-3)


def test_a_distance_of_the_callers_own():
    def squared(x):
        return keras.ops.sum((x[:, None] - x[None, :]) ** 2, axis=-1)

    label = np.arange(6) % 2
    for name in ("triplet_batch_all", "triplet_hard", "triplet_semi_hard"):
        ours = call(make(name, distance_metric="squared-L2"), label, Z)
        np.testing.assert_allclose(
            call(make(name, distance_metric=squared), label, Z), ours, rtol=1e-4
        )


def test_one_view_is_a_batch_without_views():
    loss, label = make("sup_con"), np.arange(6) % 2
    np.testing.assert_allclose(
        call(loss, label, Z[:, None]), call(loss, label, Z), rtol=1e-6
    )


def test_more_than_two_views():
    z = RNG.normal(size=(4, 3, 5))
    label = np.arange(4)
    expected = call(make("sup_con"), label, z)
    np.testing.assert_allclose(call(make("nt_xent"), 0 * label, z), expected, rtol=1e-6)


@pytest.mark.parametrize("name", PROXIES)
def test_a_sequential_model_cannot_carry_proxies(name):
    with pytest.raises(ValueError, match="functional"):
        make(name).attach(keras.Sequential([keras.layers.Dense(5)]))


@pytest.mark.parametrize("name", PROXIES)
def test_proxies_must_be_attached_before_they_train(name):
    loss = losses.get(name, num_classes=6, features=5)
    model = small_model()
    model.compile(loss=loss)
    model.evaluate(Z, np.arange(6), verbose=0)
    with pytest.raises(ValueError, match=r"call loss\.attach\(model\) before"):
        model.fit(Z, np.arange(6), verbose=0)


def test_proxies_come_too_late_for_an_optimizer_that_is_built():
    loss, model = losses.get("cos_face", num_classes=6, features=5), small_model()
    model.compile("sgd", loss="mse")
    model.fit(Z, Z, verbose=0)
    with pytest.raises(ValueError, match="compile the model again"):
        loss.attach(model)
    model.compile("sgd", loss=loss)
    loss.attach(model)
    loss.attach(model)  # once more changes nothing
    assert sum(v is loss.proxies for v in model.trainable_variables) == 1


def test_an_index_out_of_range_is_nan_in_a_compiled_step():
    model = small_model()
    model.compile(loss=losses.get("cos_face", num_classes=3, features=5))
    assert np.isfinite(model.test_on_batch(Z, np.arange(6) % 3))
    assert np.isnan(model.test_on_batch(Z, np.arange(6)))


def test_an_initializer_may_be_an_object():
    first = keras.initializers.RandomNormal(seed=3)
    loss = losses.get("arc_face", num_classes=6, features=5, initializer=first)
    again = type(loss).from_config(json.loads(json.dumps(loss.get_config())))
    np.testing.assert_array_equal(*map(np.asarray, (loss.proxies, again.proxies)))


# Trained and saved in one process, loaded and trained on in the next.
START = """
import json, sys
from pathlib import Path
import keras, numpy as np
from kerazoo import losses

folder, names = Path(sys.argv[1]), sys.argv[2:]
x = np.random.default_rng(0).normal(size=(12, 3))
y = np.arange(12) % 3


def numbers(variable):
    return keras.ops.convert_to_numpy(variable).tolist()
"""
TRAIN = f"""{START}
keras.utils.set_random_seed(0)
for name in names:
    loss = losses.get(name, num_classes=3, features=4)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    model.compile("adam", loss=loss)
    loss.attach(model)
    before = numbers(loss.proxies)
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    moved = np.abs(np.array(before) - numbers(loss.proxies))
    assert (moved.max(axis=-1) > 1e-4).all(), "every proxy moves"
    model.save(folder / f"{{name}}.keras")
    seen = [model.evaluate(x, y, verbose=0)]
    model.fit(x, y, batch_size=4, verbose=0, shuffle=False)
    seen.append(model.evaluate(x, y, verbose=0))
    (folder / f"{{name}}.json").write_text(json.dumps(seen))
"""
RESUME = f"""{START}
for name in names:
    losses.get_class(name)  # registers the class
    file = folder / f"{{name}}.keras"
    model = keras.saving.load_model(file)
    seen = [model.evaluate(x, y, verbose=0)]
    model.compile("adam", loss=model.loss)
    model.loss.attach(model)
    model.optimizer.build(model.trainable_variables)
    model.load_weights(file)
    model.fit(x, y, batch_size=4, verbose=0, shuffle=False)
    seen.append(model.evaluate(x, y, verbose=0))
    expected = json.loads((folder / f"{{name}}.json").read_text())
    np.testing.assert_allclose(seen, expected, rtol=1e-5, err_msg=name)
"""


@pytest.mark.parametrize(
    ("backend", "names"),
    [
        ("tensorflow", ["arc_face"]),
        *(
            pytest.param(backend, PROXIES, marks=pytest.mark.slow)
            for backend in ("tensorflow", "jax", "torch")
        ),
    ],
)
def test_proxies_are_trained_saved_loaded_and_trained_on(backend, names, tmp_path):
    pytest.importorskip(backend)
    for code in (TRAIN, RESUME):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), *names],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
