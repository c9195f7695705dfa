"""The image template's data: a folder of one's own, splits, augmentation, labels."""

import json
import re
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image
from workplace import execute

from kerazoo.harness import DataError
from kerazoo.harness.images.files import read_image

RNG = np.random.default_rng(0)


# ------------------------------------------------------------------- a folder of images


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Bright and dark pictures, in two formats and several sizes; one is broken."""
    root = tmp_path_factory.mktemp("photos")
    for label, level in (("bright", 200), ("dark", 50)):
        (root / label).mkdir()
        for number in range(24):
            shape = (int(RNG.integers(20, 40)), int(RNG.integers(20, 40)), 3)
            noise = RNG.integers(-40, 40, shape)
            image = Image.fromarray((level + noise).astype("uint8"))
            image.save(root / label / f"{number}.{('png', 'jpg')[number % 2]}")
    (root / "dark" / "broken.png").write_bytes(b"\x89PNG no more")
    return root


def test_a_folder_of_images_is_learnt(photos, new_project):
    project = new_project().train(
        *("--data.path", photos, "--epochs", "12", "--batch_size", "8"),
        *("--data.image_size", "16", "--export", "[]"),
        *("--model.arguments.filters", "[8,8]", "--data.max_broken_share", "0.1"),
    )
    run = project.run
    assert run.info.status == "FINISHED" and run.info.run_name == f"cnn-{photos.name}"
    assert run.data.metrics["test_accuracy"] == 1
    assert "exports_verified" not in run.data.metrics
    facts = json.loads((project.artifacts() / "data.json").read_text())
    assert facts["labels"] == ["bright", "dark"]
    assert facts["pixels"] == "0 to 255, RGB, not scaled"
    notes = (project.artifacts() / "data_notes.txt").read_text()
    assert "broken.png" in notes and "broken.png" in project.done.stdout


def test_other_pictures_are_measured_in_the_shape_of_the_run(
    photos, new_project, inside, call, tmp_path
):
    project = new_project().train(
        *("--data.path", photos, "--epochs", "1", "--export", "[]"),
        *("--model.arguments.filters", "[8,8]", "--data.max_broken_share", "0.1"),
    )
    for label, level in (("bright", 200), ("dark", 50)):
        (tmp_path / label).mkdir()
        for number in range(12):
            picture = Image.new("L", (50, 90), level + number)
            picture.save(tmp_path / label / f"{number}.png")
    inside(project)
    status, shown, errors = call("evaluate", "last", "--data.path", str(tmp_path))
    assert status == 0 and "test_accuracy" in shown, errors
    assert f"24 test samples of {tmp_path.name}" in shown  # all of them


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "gone"}, "no folder"),
        ({"name": "folder"}, "--data.name folder needs --data.path."),
        ({"max_broken_share": 0.0}, "broken.png"),
        ({"name": "digits", "augment": ("rand_augment",)}, "needs colour images"),
        ({"name": "digits", "validation_share": 1e-4}, "A share of 0.0001 of 1617"),
    ],
)
def test_data_that_cannot_be_used_is_refused_with_a_reason(
    changes, message, photos, template, make_config
):
    options = {"path": "" if "name" in changes else str(photos), **changes}
    with pytest.raises(DataError) as error:
        template["data"].load_data(make_config(**options))
    assert message in str(error.value)


def test_a_part_of_a_folder_has_images_of_every_class(photos, template, make_config):
    options = {"path": str(photos), "max_broken_share": 0.1, "limit": 12}
    data = template["data"].load_data(make_config(**options))
    assert data.sizes["train"] == 12 and min(data.class_counts) > 2


# --------------------------------------------------------------------------------- data


def everything(batches):
    """Return all pixels and targets of batches, in their order."""
    pairs = [(np.asarray(x), np.asarray(y)) for x, y in batches]
    return tuple(map(np.concatenate, zip(*pairs, strict=True)))


@pytest.mark.parametrize("augment", [(), ("shift", "flip", "erase", "mixup")])
def test_the_order_and_the_augmentation_follow_the_seed(augment, template, make_config):
    def first_epochs(seed):
        config = make_config(limit=100, seed=seed, augment=augment)
        train = template["data"].load_data(config).train
        return [everything(train)[0] for _ in range(2)]

    one, again, other = first_epochs(1), first_epochs(1), first_epochs(2)
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (one[0] != one[1]).any(), "each epoch has an order of its own"
    assert (one[0] != other[0]).any()


def test_splits_share_no_image_and_have_all_classes_in_proportion(
    template, make_config
):
    data = template["data"].load_data(make_config())
    assert data.sizes == {"train": 1455, "validation": 162, "test": 180}
    counts = {}
    for name in data.sizes:
        _, targets = everything(getattr(data, name))
        assert len(targets) == data.sizes[name]
        counts[name] = np.bincount(targets) / len(targets)
    np.testing.assert_allclose(counts["validation"], counts["train"], atol=0.01)
    np.testing.assert_allclose(counts["test"], counts["train"], atol=0.01)


def test_the_digest_is_of_the_images_and_labels_that_are_used(template, make_config):
    def digest(**changes):
        return template["data"].load_data(make_config(**changes)).digest

    changes = [{}, {"limit": 64}, {"limit": 65}, {"label_noise": 0.2}, {"imbalance": 9}]
    found = [digest(**each) for each in changes]
    assert len(set(found)) == len(found)
    assert digest(limit=64) == found[1] and digest(seed=1) == found[0]


def test_the_same_pixels_in_training_evaluation_and_export(template, make_config):
    """Nothing is scaled outside of the model: what is read is what is served."""
    data = template["data"].load_data(make_config(limit=64))
    pixels, targets = everything(data.train)
    assert pixels.dtype == np.uint8 and pixels.max() == 255
    known = {p.tobytes(): t for p, t in zip(pixels, targets, strict=True)}
    assert len(known) == 64
    assert all(p.tobytes() in known for p in data.calibration[1:])
    validation, _ = everything(data.validation)
    assert validation.dtype == np.uint8
    assert not any(p.tobytes() in known for p in validation)
    model = template["model"].build_model(make_config(), data)
    product = template["model"].build_product(model)
    logits = model.predict(validation, verbose=0)
    expected = keras.ops.softmax(logits)
    np.testing.assert_allclose(
        product.predict(validation, verbose=0), expected, atol=1e-6
    )


AUGMENTATIONS = ["flip", "shift", "rand_augment", "erase", "mixup", "cutmix"]


def test_every_augmentation_of_the_config_is_tried(template):
    import typing

    hints = typing.get_type_hints(template["config"].DataConfig)
    assert list(typing.get_args(typing.get_args(hints["augment"])[0])) == AUGMENTATIONS


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_changes_pixels_and_keeps_the_sum_of_labels(
    name, photos, template, make_config
):
    options = {"path": str(photos), "image_size": 16, "max_broken_share": 0.1}
    plain = template["data"].load_data(make_config(**options, batch_size=64))
    config = make_config(**options, batch_size=64, augment=(name,))
    changed = template["data"].load_data(config)
    before, labels = everything(plain.train)
    after, targets = everything(changed.train)
    assert after.shape == before.shape and after.dtype == np.float32
    assert np.abs(after - before).max() > 1, "same seed, same order: other pixels"
    assert after.min() >= 0 and after.max() <= 255
    if name in ("mixup", "cutmix"):
        assert targets.shape == (len(labels), 2)
        np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-5)
        assert ((targets > 0.01) & (targets < 0.99)).any()
    else:
        np.testing.assert_array_equal(targets, labels)
    # Only the training split is augmented.
    for split in ("validation", "test"):
        np.testing.assert_array_equal(
            everything(getattr(changed, split))[0], everything(getattr(plain, split))[0]
        )


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"image_size": 16}, (16, 16, 3)),
        ({"image_size": 16, "grey": True}, (16, 16, 1)),
        ({"name": "digits", "path": ""}, (8, 8, 1)),
        ({"name": "digits", "path": "", "image_size": 12}, (12, 12, 1)),
    ],
)
def test_images_have_the_size_that_is_asked_for(
    options, shape, photos, template, make_config
):
    options = {"path": str(photos), "max_broken_share": 0.1, "limit": 20, **options}
    data = template["data"].load_data(make_config(**options))
    assert data.input_shape == shape
    assert everything(data.validation)[0].shape[1:] == shape


def test_the_lines_of_the_readme_train_on_arrays(new_project):
    project = new_project()
    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3)).astype("uint8")
    np.savez(project.folder / "cells.npz", x=x, y=np.arange(60) % 2)
    page = (project.folder / "README.md").read_text("utf-8")
    for name in ("name", "path"):
        (field,) = re.findall(rf"`({name}: .*?)`", page, re.DOTALL)
        old = rf"\b{name}: [^=]*? = \"\""
        replace_in(project.folder / "config.py", old, field.replace("\n", " "))
    code = project.code_of_page("def find_arrays")
    old = r"def find_arrays\(.*?(?=\n\n\n)"
    replace_in(project.folder / "data.py", old, code.rstrip())
    project.train("--epochs", "1", "--export", "[tflite]", "--export_tolerance", "1")
    run = project.run
    assert (run.info.run_name, run.data.tags["data"]) == ("cnn-cells", "cells")
    assert json.loads((project.artifacts() / "data.json").read_text())["labels"] == [
        *("healthy", "ill")
    ]
    execute(sys.executable, "-m", "pytest", "-q", "test_train.py", cwd=project.folder)


def replace_in(file, old, new):
    text, count = re.subn(old, lambda _: new, file.read_text("utf-8"), flags=re.DOTALL)
    assert count == 1
    file.write_text(text, "utf-8")


def test_a_pixel_of_a_full_int8_file_is_a_byte(photos, template, make_config):
    """Also of images that are nowhere black or white."""
    options = {"path": str(photos), "max_broken_share": 0.1, "image_size": 16}
    data = template["data"].load_data(make_config(**options))
    assert np.ptp(everything(data.train)[0]) < 255
    assert (data.calibration.min(), data.calibration.max()) == (0, 255)


def test_clients_are_told_how_images_are_fitted(photos, template, make_config):
    options = {"path": str(photos), "max_broken_share": 0.1, "image_size": 16}
    data = template["data"].load_data(make_config(**options))
    files = (file for file in photos.rglob("*/*") if file.stem != "broken")
    shape, fit = data.metadata["input_shape"], data.metadata["fit"]
    read = {read_image(file, *shape, resize=fit).tobytes() for file in files}
    for pixels in everything(data.test)[0]:
        assert pixels.astype("uint8").tobytes() in read


def test_class_weights_make_classes_count_the_same(template, make_config):
    weigh = template["data"].class_weight
    counts = np.array([6, 2, 0, 1])
    weights = weigh(make_config(class_weight="balanced"), counts)
    assert {k: v * counts[k] for k, v in weights.items()} == {
        0: pytest.approx(9 / 4),
        1: pytest.approx(9 / 4),
        3: pytest.approx(9 / 4),
    }
    assert weigh(make_config(), counts) is None


def test_label_smoothing_and_arguments_reach_the_loss(template, make_config):
    def build(**changes):
        config = make_config(limit=40, **changes)
        data = template["data"].load_data(config)
        return template["loss"].build_loss(config, data), data

    assert build(label_smoothing=0.1)[0].label_smoothing == 0.1
    assert build(loss="focal", loss_arguments={"gamma": 3.0})[0].gamma == 3.0
    loss, data = build(loss="class_balanced")
    assert loss.class_counts == data.class_counts and sum(data.class_counts) == 40
    given = {"class_counts": [1.0] * 10}
    loss, _ = build(loss="class_balanced", loss_arguments=given)
    assert loss.class_counts == [1] * 10


def test_training_labels_are_made_worse_and_no_others(template, make_config):
    load = template["data"].load_data
    clean, worse = load(make_config()), load(make_config(label_noise=0.4, imbalance=20))

    def labels(split):
        return np.concatenate([y for _, y in split.as_numpy_iterator()])

    for split in ("validation", "test"):
        assert worse.sizes[split] == clean.sizes[split]
        kept = labels(getattr(clean, split))
        np.testing.assert_array_equal(labels(getattr(worse, split)), kept)
    assert sum(worse.class_counts) == worse.sizes["train"] < clean.sizes["train"] / 2
    assert np.bincount(labels(worse.train)).tolist() == worse.class_counts
    assert "40% of its labels are wrong" in worse.notes[-1] and not clean.notes


def test_training_may_start_from_weights_of_another_run(trained, template, make_config):
    (file,) = trained.folder.glob("runs/*/best.keras")
    config = make_config(limit=20)
    filters = {"filters": [8, 16]}
    data = template["data"].load_data(config)
    plain, started = (
        template["model"].build_model(
            replace(
                config,
                model=replace(config.model, arguments=filters, weights=weights),
            ),
            data,
        )
        for weights in ("", str(file))
    )
    kept = keras.saving.load_model(file).get_weights()
    for a, b in zip(started.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(plain.get_weights(), kept, strict=True))


def test_the_last_layer_begins_anew_if_the_weights_know_other_classes(
    template, make_config, tmp_path
):
    config = make_config(limit=20)
    arguments = {"filters": [8, 16]}
    config = replace(config, model=replace(config.model, arguments=arguments))
    data = template["data"].load_data(config)
    before = template["model"].build_model(config, data)
    before.save(tmp_path / "best.keras")
    (tmp_path / "data.json").write_text(json.dumps({"labels": data.labels}))
    weights = replace(config.model, weights=str(tmp_path / "best.keras"))
    for labels, kept in ((data.labels, True), (data.labels[::-1], False)):
        model = template["model"].build_model(
            replace(config, model=weights), replace(data, labels=labels)
        )
        same = [
            np.array_equal(a, b)
            for a, b in zip(before.get_weights(), model.get_weights(), strict=True)
        ]
        assert all(same[:-2]) and same[-2] == kept
    fewer = replace(data, labels=data.labels[:3])
    model = template["model"].build_model(replace(config, model=weights), fewer)
    assert model.output_shape == (None, 3)
