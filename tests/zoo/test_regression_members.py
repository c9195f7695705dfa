import keras
import numpy as np
import pytest
from keras import ops

from kerazoo import losses, zoo
from kerazoo.zoo.regression.ensemble import ensemble
from kerazoo.zoo.regression.members import MemberAverage, MemberModel

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

GENERATOR = np.random.default_rng(0)
NUMBERS = GENERATOR.normal(size=(20, 3)).astype("float32")
TARGETS = (NUMBERS[:, :1] - 0.5 * NUMBERS[:, 1:2]).astype("float32")
SMALL = {"num_features": 3, "num_members": 4, "depth": 2, "width": 8, "dropout": 0.0}


def build(name="tabm", **arguments):
    keras.utils.set_random_seed(0)
    return zoo.create_model(name, **{**SMALL, **arguments})


def members_of(model, numbers=NUMBERS):
    """What each member predicts: (batch, members, numbers)."""
    return np.asarray(model(ops.array(numbers), training=True))


def shake(model):
    """Move weights off their initial values, where members would hardly differ."""
    generator = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(np.asarray(weight) + generator.normal(0, 0.3, weight.shape))


@pytest.mark.parametrize("name", ["tabm", "tabm_mini"])
@pytest.mark.parametrize("member", [0, 3])
def test_a_member_is_an_mlp_with_scales(name, member):
    model = build(name)
    shake(model)
    x = NUMBERS
    if name == "tabm_mini":
        x = x * np.asarray(model.get_layer("member_scale").scale_in)[member]
    for layer in (model.get_layer("dense1"), model.get_layer("dense2")):
        kernel = np.asarray(layer.kernel)
        if name == "tabm":
            scale_in, scale_out, bias = (
                np.asarray(w)[member]
                for w in (layer.scale_in, layer.scale_out, layer.bias)
            )
            x = ((x * scale_in) @ kernel) * scale_out + bias
        else:
            x = x @ kernel + np.asarray(layer.bias)
        x = np.maximum(x, 0)
    head = model.get_layer("member_predictions")
    expected = x @ np.asarray(head.kernel)[member] + np.asarray(head.bias)[member]
    got = members_of(model)[:, member]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_in_use_the_members_are_averaged():
    model = build()
    members = members_of(model)
    assert members.shape == (20, 4, 1)
    assert members.std(axis=1).min() > 1e-3, "members differ from the start"
    averaged = model.predict(NUMBERS, verbose=0)
    np.testing.assert_allclose(averaged, members.mean(axis=1), rtol=1e-4, atol=1e-6)


def test_both_begin_as_the_same_function():
    """Section 3.3: all scales but the first begin at one, and all biases equal."""
    mini, full = build("tabm_mini"), build("tabm")
    first, second = full.get_layer("dense1"), full.get_layer("dense2")
    for weight in (first.scale_out, second.scale_in, second.scale_out):
        np.testing.assert_array_equal(weight, np.ones(weight.shape))
    for layer in (first, second):
        bias = np.asarray(layer.bias)
        assert (bias == bias[:1]).all() and (bias != 0).any()
    first.scale_in.assign(mini.get_layer("member_scale").scale_in)
    for name in ("dense1", "dense2"):
        layer, shared = full.get_layer(name), mini.get_layer(name)
        layer.kernel.assign(shared.kernel)
        layer.bias.assign(np.tile(np.asarray(shared.bias), (4, 1)))
    weights = mini.get_layer("member_predictions").get_weights()
    full.get_layer("member_predictions").set_weights(weights)
    np.testing.assert_allclose(members_of(full), members_of(mini), atol=1e-6)


@pytest.mark.parametrize("name, layer", [("tabm", "dense1"), ("tabm_mini", None)])
def test_the_first_scales_are_signs_or_normal_with_embeddings(name, layer):
    layer = layer or "member_scale"
    signs = np.asarray(build(name, num_members=32).get_layer(layer).scale_in)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    embedded = build(name, num_members=32, embeddings="periodic").get_layer(layer)
    drawn = np.asarray(embedded.scale_in)
    assert len(np.unique(drawn)) == drawn.size
    assert drawn.std() == pytest.approx(1, abs=0.1)


def manual_costs(model):
    return ((members_of(model) - TARGETS[:, None]) ** 2).mean(axis=(0, 2))


@pytest.mark.parametrize("loss", ["mse", losses.get("mse")], ids=["keras", "ours"])
def test_the_loss_is_the_mean_of_the_members_losses(loss):
    model = build()
    shake(model)
    members, costs = members_of(model), manual_costs(model)
    model.compile(keras.optimizers.SGD(0.0), loss, metrics=["mse"])
    history = model.fit(NUMBERS, TARGETS, batch_size=20, epochs=1, verbose=0).history
    assert history["loss"][0] == pytest.approx(costs.mean(), rel=1e-4)
    # Metrics, validation and all else see the average, which does better.
    of_mean = ((members.mean(axis=1) - TARGETS) ** 2).mean()
    assert history["mse"][0] == pytest.approx(of_mean, rel=1e-4)
    assert of_mean < 0.95 * costs.mean()
    evaluated = model.evaluate(NUMBERS, TARGETS, verbose=0, return_dict=True)
    assert evaluated["loss"] == pytest.approx(of_mean, rel=1e-4)


def test_sample_weights_weigh_every_member():
    model = build()
    weights = np.arange(20.0, dtype="float32")
    per_sample = ((members_of(model) - TARGETS[:, None]) ** 2).mean(axis=(1, 2))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    got = model.train_on_batch(NUMBERS, TARGETS, sample_weight=weights)
    assert float(got) == pytest.approx((weights * per_sample).mean(), rel=1e-4)


def test_a_loss_that_compares_the_samples_of_a_batch_sees_one_member_at_a_time():
    model = build()
    loss = losses.get("concordance")
    members = members_of(model)
    expected = np.mean([float(loss(TARGETS, members[:, i])) for i in range(4)])
    model.compile(keras.optimizers.SGD(0.0), loss)
    got = float(model.train_on_batch(NUMBERS, TARGETS))
    assert got == pytest.approx(expected, rel=1e-4)


def test_a_members_own_weights_learn_from_its_own_error_alone():
    model = build()
    before = np.asarray(model.get_layer("member_predictions").bias).copy()
    errors = (members_of(model) - TARGETS[:, None]).mean(axis=(0, 2))
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.train_on_batch(NUMBERS, TARGETS)
    moved = np.asarray(model.get_layer("member_predictions").bias) - before
    # The gradient of mean_i (p_i - y)^2 is 2 (p_i - y) / k; of the mean's loss it would
    # be the same for all members.
    np.testing.assert_allclose(moved[:, 0], -2 * errors / 4, rtol=1e-3, atol=1e-5)
    assert moved.std() > 1e-3


@pytest.mark.parametrize(
    "head, loss",
    [
        ("mean", losses.get("huber")),
        ("mean_variance", losses.get("gaussian_nll")),
        ((0.1, 0.9), losses.get("pinball", quantile=[0.1, 0.9])),
    ],
    ids=["mean", "mean_variance", "quantiles"],
)
def test_every_head_trains_with_its_loss(head, loss):
    model = build(head=head)
    model.compile(keras.optimizers.Adam(0.02), loss)
    fit = model.fit(
        NUMBERS, TARGETS, epochs=15, validation_data=(NUMBERS, TARGETS), verbose=0
    )
    assert fit.history["loss"][-1] < fit.history["loss"][0]
    assert fit.history["val_loss"][-1] < fit.history["val_loss"][0]


def test_preprocessing_can_stand_in_front():
    model = build()
    raw = keras.Input((3,), name="raw")
    scaled = keras.layers.Rescaling(0.5)(raw)
    outer = type(model)([raw], model(scaled), name="outer")
    expected = manual_costs_of(model, 0.5 * NUMBERS)
    outer.compile(keras.optimizers.SGD(0.0), "mse", metrics=["mse"])
    got = outer.train_on_batch(NUMBERS, TARGETS, return_dict=True)
    assert float(got["loss"]) == pytest.approx(expected, rel=1e-4)
    assert outer.predict(NUMBERS, verbose=0).shape == (20, 1)


def manual_costs_of(model, numbers):
    return ((members_of(model, numbers) - TARGETS[:, None]) ** 2).mean()


def test_a_model_of_another_class_around_it_is_refused_by_our_losses():
    model = build(num_targets=2)
    inputs = keras.Input((3,))
    outer = keras.Model(inputs, model(inputs))
    outer.compile("sgd", losses.get("mse"))
    with pytest.raises(ValueError, match="cannot be aligned"):
        outer.train_on_batch(NUMBERS, np.repeat(TARGETS, 2, axis=1))


def test_a_trained_model_saves_and_loads_as_what_it_is(tmp_path):
    model = build()
    model.compile(keras.optimizers.AdamW(0.01), losses.get("mse"))
    model.fit(NUMBERS, TARGETS, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is MemberModel
    expected = model.predict(NUMBERS, verbose=0)
    np.testing.assert_array_equal(loaded.predict(NUMBERS, verbose=0), expected)
    costs = manual_costs(loaded).mean()
    loss = loaded.fit(NUMBERS, TARGETS, verbose=0).history["loss"][0]
    assert loss == pytest.approx(costs, rel=1e-3), "training goes on member by member"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_members_train_on_other_backends(run_python, backend):
    pytest.importorskip(backend)
    printed = run_python(
        """
        import keras, numpy as np
        from kerazoo import zoo
        keras.utils.set_random_seed(0)
        x = np.random.default_rng(0).normal(size=(32, 2)).astype("float32")
        y = x[:, :1]
        model = zoo.create_model(
            "tabm", num_features=2, num_members=3, depth=1, width=8, dropout=0.0
        )
        members = model(keras.ops.array(x), training=True)
        members = keras.ops.convert_to_numpy(members)
        cost = ((members - y[:, None]) ** 2).mean()
        model.compile(keras.optimizers.Adam(0.05), "mse", metrics=["mse"])
        fit = model.fit(x, y, batch_size=32, epochs=9, verbose=0).history
        np.testing.assert_allclose(fit["loss"][0], cost, rtol=1e-3)
        mse = ((members.mean(axis=1) - y) ** 2).mean()
        np.testing.assert_allclose(fit["mse"][0], mse, rtol=1e-3)
        print(fit["loss"][-1] < 0.7 * fit["loss"][0], model.predict(x, verbose=0).shape)
        """,
        KERAS_BACKEND=backend,
    )
    assert printed.strip() == "True (32, 1)"


# ----------------------------------------------------------------- averages, ensembles


def test_a_mixture_has_its_members_variance_and_their_disagreement():
    means = GENERATOR.normal(size=(5, 3, 2))
    variances = GENERATOR.uniform(0.1, 2.0, (5, 3, 2))
    members = np.concatenate([means, np.log(variances)], axis=-1).astype("float32")
    got = np.asarray(MemberAverage(variance=True)(members))
    # E[x^2] - E[x]^2 over a member drawn at random.
    mean = means.mean(axis=1)
    variance = (variances + means**2).mean(axis=1) - mean**2
    np.testing.assert_allclose(got[:, :2], mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.exp(got[:, 2:]), variance, rtol=1e-4)


def test_a_mixture_of_certain_members_is_finite():
    members = ops.array([[[1.0, -500.0], [1.0, -500.0]]])
    assert np.isfinite(MemberAverage(variance=True)(members)).all()


def models_of(head):
    arguments = {"num_features": 3, "head": head, "num_targets": 2}
    return [
        zoo.create_model("mlp", depth=1, width=4, dropout=0.5, **arguments),
        zoo.create_model("mlp", depth=1, width=4, dropout=0.5, **arguments),
        zoo.create_model("tabm", num_members=2, depth=1, width=4, **arguments),
    ]


@pytest.mark.parametrize("head", ["mean", "mean_variance", (0.1, 0.5, 0.9)])
def test_an_ensemble_averages_its_models(head, tmp_path):
    models = models_of(head)
    joined = ensemble(models, head)
    answers = np.stack([model.predict(NUMBERS, verbose=0) for model in models])
    expected = answers.mean(axis=0)
    if head == "mean_variance":
        means, variances = answers[..., :2], np.exp(answers[..., 2:])
        mixed = variances.mean(axis=0) + means.var(axis=0)
        expected = np.concatenate([means.mean(axis=0), np.log(mixed)], axis=-1)
    got = joined.predict(NUMBERS, verbose=0)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    assert joined.layers[-1].name == "prediction"
    assert [model.name for model in models] == ["mlp", "mlp", "tabm"]
    joined.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_array_equal(loaded.predict(NUMBERS, verbose=0), got)


def test_an_ensemble_takes_categories_too():
    table = {"numbers": NUMBERS, "categories": np.ones((20, 2), "int32")}
    arguments = {"num_features": 3, "cardinalities": (2, 3)}
    models = [zoo.create_model(n, **arguments) for n in ("linear", "mlp")]
    answers = [np.asarray(model(table)) for model in models]
    np.testing.assert_allclose(
        ensemble(models)(table), np.mean(answers, axis=0), atol=1e-5
    )


def test_an_ensemble_of_nothing_or_of_unlike_models_is_refused():
    with pytest.raises(ValueError, match="at least one model"):
        ensemble([])
    models = [zoo.create_model("linear", num_features=n) for n in (3, 4)]
    with pytest.raises(ValueError, match="the same inputs and outputs"):
        ensemble(models)
