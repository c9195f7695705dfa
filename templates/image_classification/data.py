"""Which data, which shapes, which preprocessing?

Every source ends as pixels 0 to 255 in (height, width, channels) and class indices, in
three splits. Scaling happens inside the model, so that training, evaluation and the
exported file see the same pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf
from config import Config
from sklearn.model_selection import train_test_split

from kerazoo.harness import Data, DataError, data_name, digest, images, prefetched

NUM_CALIBRATION = 256  # training images from which full int8 reads its ranges
MIXES = ("mixup", "cutmix")  # augmentations that mix labels too


@dataclass(frozen=True)
class Source:
    """Images that are read by their index, and what is known of them."""

    labels: list[str]
    read: Callable[
        [np.ndarray], np.ndarray
    ]  # indices → (batch, height, width, channels)
    targets: np.ndarray  # (samples,), class index of every image
    splits: dict[str, np.ndarray]  # train, validation, test: indices
    digest: str
    notes: list[str]


def load_data(config: Config) -> Data:
    """Load the three splits that a config describes.

    Raises:
        DataError: the images cannot be had, or cannot be used as they are.
    """
    chosen = config.data
    source = read_folder(config) if chosen.source == "folder" else read_arrays(config)
    splits = {k: v[: chosen.limit or None] for k, v in source.splits.items()}
    source = replace(source, splits=splits)
    if chosen.label_noise or chosen.imbalance > 1:
        source = worsen(source, config)
    if chosen.limit or chosen.label_noise or chosen.imbalance > 1:
        source = replace(source, digest=digest_of_part(source))
    splits = source.splits
    counts = np.bincount(source.targets[splits["train"]], minlength=len(source.labels))
    some = np.random.default_rng(config.seed).permutation(splits["train"])
    calibration = source.read(some[:NUM_CALIBRATION])
    height, width, channels = calibration.shape[1:]
    # The ends of the range, which no image need reach: a full int8 file then takes
    # pixels as they are.
    calibration[0, 0, 0], calibration[0, -1, -1] = 0, 255
    return Data(
        name=data_name(chosen),
        train=batches(source, splits["train"], config, training=True),
        validation=batches(source, splits["validation"], config),
        test=batches(source, splits["test"], config),
        sizes={split: len(indices) for split, indices in splits.items()},
        labels=source.labels,
        calibration=calibration,
        digest=source.digest,
        class_counts=counts.tolist(),
        class_weight=class_weight(config, counts),
        metadata={
            "input_shape": [height, width, channels],
            "pixels": f"0 to 255, {'RGB' if channels == 3 else 'grey'}, not scaled",
            "before": "turned as EXIF says, laid on white; grey is ITU-R 601 luma",
            "resize": f"to {height} x {width}, filling it and cropping the middle, "
            "bilinear with antialiasing",
            "fit": "crop",  # what `read_images` does; predict and clients read it
        },
        notes=source.notes,
    )


def digest_of_part(source: Source) -> str:
    """Return a digest that changes with which images are used, and labelled how."""
    whole = np.frombuffer(source.digest.encode(), "uint8")
    return digest(whole, source.targets, *source.splits.values())


def batches(
    source: Source, indices: np.ndarray, config: Config, training: bool = False
) -> tf.data.Dataset:
    """Make batches of (pixels, targets); training ones are shuffled and augmented."""

    def fetch(batch):
        pixels = tf.numpy_function(source.read, [batch], tf.uint8)
        pixels.set_shape((None, *shape))
        return pixels, tf.gather(source.targets, batch)

    def one_hot(pixels, targets):
        return pixels, tf.one_hot(targets, len(source.labels))

    shape = source.read(indices[:1]).shape[1:]
    dataset = tf.data.Dataset.from_tensor_slices(indices)
    if training:
        dataset = dataset.shuffle(len(indices), seed=config.seed)
    dataset = dataset.batch(config.batch_size).map(fetch)
    if set(MIXES) & set(config.data.augment):
        dataset = dataset.map(one_hot)
    if training and config.data.augment:
        # Not in parallel: the layers draw from one seed, in the order of the batches.
        dataset = dataset.map(augmentation(config, channels=shape[-1]))
    return prefetched(dataset)


def augmentation(config: Config, channels: int) -> Callable:
    """Return a function from a batch to an augmented batch."""
    names = config.data.augment
    if "rand_augment" in names and channels != 3:
        raise DataError("--data.augment rand_augment needs colour images.")
    how = {"seed": config.seed, "dtype": "float32"}  # whatever the model computes in
    far = config.data.shift
    black = {"fill_mode": "constant", "fill_value": 0.0, "interpolation": "nearest"}
    known = {
        "flip": lambda: keras.layers.RandomFlip("horizontal", **how),
        "shift": lambda: keras.layers.RandomTranslation(far, far, **black, **how),
        "rand_augment": lambda: keras.layers.RandAugment((0, 255), **how),
        "erase": lambda: keras.layers.RandomErasing(0.5, **how),
        "mixup": lambda: keras.layers.MixUp(**how),
        "cutmix": lambda: keras.layers.CutMix(**how),
    }
    layers = [(name, known[name]()) for name in names]

    def augment(pixels, targets):
        pixels = tf.cast(pixels, "float32")
        for name, layer in layers:
            if name in MIXES:
                mixed = layer({"images": pixels, "labels": targets}, training=True)
                pixels, targets = mixed["images"], mixed["labels"]
            else:
                pixels = layer(pixels, training=True)
        return pixels, targets

    return augment


def find_arrays(config: Config) -> images.ArrayDataset:
    """Find a data set that is known by name: the place for arrays of your own."""
    return getattr(images.datasets, config.data.source)(config.data.path)


def read_arrays(config: Config) -> Source:
    """Read images that are in memory; what is not split is split here."""
    chosen, found = config.data, find_arrays(config)
    pixels, targets = found.train
    train = np.arange(len(targets))
    if found.test:
        test = np.arange(len(targets), len(targets) + len(found.test[1]))
        pixels = np.concatenate([pixels, found.test[0]])
        targets = np.concatenate([targets, found.test[1]])
    else:
        train, test = divide(train, targets, chosen.test_share, config.seed)
    train, validation = divide(train, targets, chosen.validation_share, config.seed)
    side = chosen.image_size or pixels.shape[1]
    return Source(
        labels=found.labels,
        read=lambda indices: resized(pixels[indices], side),  # all would be too many
        targets=targets,
        splits={"train": train, "validation": validation, "test": test},
        digest=digest(pixels, targets),
        notes=[],
    )


def read_folder(config: Config) -> Source:
    """Read `path/<class>/*` or `path/{train,val,test}/<class>/*`."""
    chosen = config.data
    if not chosen.path:
        raise DataError("--data.name folder needs --data.path.")
    try:
        folder = images.scan_image_folder(
            chosen.path,
            validation_share=0 if chosen.whole else chosen.validation_share,
            test_share=0 if chosen.whole else chosen.test_share,
            seed=config.seed,
            max_broken_share=chosen.max_broken_share,
        )
    except (OSError, ValueError) as error:
        raise DataError(str(error)) from error
    print(folder.report())
    files = [file for split in folder.splits.values() for file in split]
    paths = [path for path, _ in files]
    ends = np.cumsum([len(split) for split in folder.splits.values()])
    # Files come class by class; a part of a split should have of every class.
    mix = np.random.default_rng(config.seed).permutation
    splits = map(mix, np.split(np.arange(len(files)), ends[:-1]))
    splits = dict(zip(folder.splits, splits, strict=True))
    if chosen.whole:
        everything = mix(len(files))
        own = splits["test"] if len(splits["test"]) else everything
        splits = dict.fromkeys(splits, own)
    height, width, channels = images.common_size(folder)
    if chosen.image_size:
        height = width = chosen.image_size
    if chosen.grey:
        channels = 1
    if chosen.input_shape:
        height, width, channels = chosen.input_shape
    return Source(
        labels=folder.labels,
        read=lambda indices: images.read_images(
            [paths[i] for i in indices], height, width, channels
        ),
        targets=np.array([label for _, label in files]),
        splits=splits,
        digest=folder.digest[:12],
        notes=folder.report(most=len(folder.broken)).splitlines(),
    )


def worsen(source: Source, config: Config) -> Source:
    """Thin out classes and make labels wrong, in the training split only."""
    chosen, train, targets = config.data, source.splits["train"], source.targets.copy()
    kept = images.thin_out(targets[train], chosen.imbalance, config.seed)
    train = train[kept]
    targets[train] = images.flip_labels(
        targets[train], chosen.label_noise, len(source.labels), config.seed
    )
    note = (
        f"The training split was made worse on purpose: {chosen.label_noise:.0%} of "
        f"its labels are wrong, its classes are thinned out to 1:{chosen.imbalance:g}."
    )
    return replace(
        source,
        targets=targets,
        splits={**source.splits, "train": train},
        notes=[*source.notes, note],
    )


def divide(
    indices: np.ndarray, targets: np.ndarray, share: float, seed: int
) -> Sequence[np.ndarray]:
    """Divide indices in two, with the same mix of classes; the second has the share."""
    try:
        return train_test_split(
            indices, test_size=share, stratify=targets[indices], random_state=seed
        )
    except ValueError as error:
        raise DataError(
            f"A share of {share} of {len(indices)} images cannot be split off: {error}"
        ) from error


def resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """Resize square images in memory, bilinearly."""
    if pixels.shape[1] == side:
        return pixels
    larger = tf.image.resize(pixels, (side, side), antialias=True)
    return np.asarray(tf.round(larger), "uint8")


def class_weight(config: Config, counts: np.ndarray) -> dict[int, float] | None:
    """Weigh classes so that each counts the same, if the config asks for it."""
    if config.class_weight == "none":
        return None
    return {i: counts.sum() / (len(counts) * n) for i, n in enumerate(counts) if n}
