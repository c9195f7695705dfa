"""Losses for classes, yes-or-no labels, tokens and maps of classes."""

import numpy as np

from kerazoo.losses._labels import Labels
from kerazoo.losses._suggestion import Suggestion, percent, short

UNEVEN = 3.0  # largest class to smallest; below it weighting changes little
LONG_TAILED = 10.0
MANY_CLASSES = 50


def binary(labels: Labels) -> list[Suggestion]:
    """Advise on one label of 0 or 1."""
    zeros, ones = (int(n) for n in labels.counts)
    share = percent(ones / (zeros + ones))
    if labels.ratio < UNEVEN:
        return [
            Suggestion(
                "binary_cross_entropy",
                f"{share} of the labels are 1: a yes-or-no answer, neither rare.",
            ),
            Suggestion(
                "cross_entropy", "The same for a model that ends in two scores."
            ),
        ]
    return [
        Suggestion(
            "binary_cross_entropy",
            f"Only {share} of the labels are 1; pos_weight gives both answers one say."
            if ones < zeros
            else f"{share} of the labels are 1; pos_weight gives both answers one say.",
            {"pos_weight": short(zeros / ones)},
        ),
        Suggestion(
            "binary_focal",
            f"With {zeros:,} against {ones:,} most samples are soon easy; it turns to "
            "the others.",
            {
                "gamma": 2.0,
                "alpha": short(np.clip(zeros / (zeros + ones), 0.05, 0.95)),
            },
        ),
        Suggestion(
            "weighted_cross_entropy",
            "The same balance for a model that ends in two scores.",
            {"class_counts": [zeros, ones]},
        ),
    ]


def signs(labels: Labels) -> list[Suggestion]:
    """Advise on labels of -1 and 1."""
    del labels
    return [
        Suggestion(
            "hinge", "Labels are -1 and 1, as support vector machines have them."
        ),
        Suggestion(
            "squared_hinge", "The same with a smooth slope, harder on outliers."
        ),
    ]


def classes(labels: Labels) -> list[Suggestion]:
    """Advise on one of several classes a sample."""
    if labels.ratio >= UNEVEN:
        return imbalance(labels)
    return [
        Suggestion(
            "cross_entropy",
            f"{len(labels.counts)} classes of like size, {labels.counts.min():,} to "
            f"{labels.counts.max():,} samples: the one to begin with.",
        ),
        Suggestion(
            "generalized_cross_entropy",
            "Labels do not show which of them are wrong; it bears it if some are.",
        ),
    ]


def imbalance(labels: Labels) -> list[Suggestion]:
    """Advise on classes of unequal size."""
    if labels.kind in ("binary", "multi-label"):
        return (binary if labels.kind == "binary" else multi_label)(labels)
    counts = [int(n) for n in labels.counts]
    facts = (
        f"the most frequent of {len(counts)} classes has {max(counts):,} samples, the "
        f"rarest {min(counts):,} ({labels.ratio:.3g} : 1)"
    )
    mean = np.mean(counts)
    focal = Suggestion(
        "focal",
        "Frequent classes are soon easy, and it turns to what is hard; alpha is "
        "total / (classes * count), kept within 0.1 and 10.",
        {"gamma": 2.0, "alpha": [short(np.clip(mean / n, 0.1, 10)) for n in counts]},
    )
    if labels.ratio < LONG_TAILED:
        return [
            Suggestion(
                "weighted_cross_entropy",
                f"As {facts}, each class is weighed by its count.",
                {"class_counts": counts},
            ),
            focal,
            Suggestion("cross_entropy", "The baseline, if tests are as uneven."),
        ]
    return [
        Suggestion(
            "logit_adjusted",
            f"As {facts}, it takes frequencies out, so that classes count the same.",
            {"class_counts": counts},
        ),
        Suggestion(
            "class_balanced",
            "It weighs by counts, but a class's further samples add less; beta "
            f"suits {max(counts):,} samples.",
            {"class_counts": counts, "beta": _beta(max(counts))},
        ),
        focal,
    ]


def noisy(labels: Labels) -> list[Suggestion]:
    """Advise on classes of which some are wrong."""
    num_classes = len(labels.counts)
    few = num_classes < MANY_CLASSES
    symmetric = Suggestion(
        "symmetric_cross_entropy",
        "It bears wrong labels and still learns hard classes; alpha is the paper's for "
        f"{'10' if few else '100'} classes, here are {num_classes}.",
        {"alpha": 0.1 if few else 6.0, "beta": 1.0},
    )
    generalized = Suggestion(
        "generalized_cross_entropy",
        f"Samples that fit badly pull less; with {num_classes} classes that is "
        f"{'quick enough' if few else 'slow to learn'}.",
        {"q": 0.7},
    )
    bounded = Suggestion(
        "bi_tempered", "A wrong label costs a bounded amount, near the boundary or far."
    )
    return (
        [generalized, symmetric, bounded] if few else [symmetric, bounded, generalized]
    )


def ordinal(labels: Labels) -> list[Suggestion]:
    """Advise on classes with an order."""
    num_classes, top = len(labels.counts), int(labels.counts[-1])
    corn = Suggestion(
        "corn",
        f"{num_classes} ranks from {num_classes - 1} scores that cannot disagree; the "
        f"top rank has {top:,} samples to learn from.",
    )
    coral = Suggestion(
        "coral",
        f"{num_classes} ranks from {num_classes - 1} scores that share their weights, "
        f"which spares the top rank's {top:,} samples.",
    )
    return [
        *([corn, coral] if top >= 100 else [coral, corn]),
        Suggestion(
            "squared_emd",
            f"A probability for each of the {num_classes} ranks; a miss costs by its "
            "steps.",
        ),
    ]


def metric(labels: Labels) -> list[Suggestion]:
    """Advise on embeddings."""
    counts = labels.counts
    pairs = (
        f"{len(counts)} classes, the rarest with {counts.min():,} samples: put several "
        "of one class into a batch"
    )
    return [
        Suggestion("multi_similarity", f"It weighs every pair; {pairs}."),
        Suggestion("triplet_semi_hard", f"The classic for retrieval; {pairs}."),
        Suggestion("sup_con", "To train an encoder first, in large batches."),
    ]


def multi_label(labels: Labels) -> list[Suggestion]:
    """Advise on many yes-or-no labels a sample."""
    zeros, ones = (int(n) for n in labels.counts)
    share = ones / (zeros + ones)
    missing = {} if labels.ignored is None else {"ignore_index": labels.ignored}
    plain = "A yes-or-no question for each label"
    if share >= 1 / (1 + UNEVEN):
        return [
            Suggestion(
                "binary_cross_entropy",
                f"{plain}, and {percent(share)} of the answers are yes.",
                missing,
            ),
            Suggestion(
                "asymmetric", "If some labels that apply were not noted.", missing
            ),
        ]
    few = f"only {percent(share)} of the answers are yes"
    return [
        Suggestion("asymmetric", f"As {few}, easy negatives are discounted.", missing),
        Suggestion(
            "binary_cross_entropy",
            f"{plain}; as {few}, pos_weight raises those, to 100 at most.",
            {"pos_weight": short(min(zeros / ones, 100)), **missing},
        ),
        Suggestion(
            "binary_focal",
            "It turns to the answers that are still hard.",
            {"gamma": 2.0, "alpha": short(np.clip(1 - share, 0.5, 0.95)), **missing},
        ),
    ]


def shares(labels: Labels) -> list[Suggestion]:
    """Advise on shares of classes."""
    num_classes = labels.values.shape[-1]
    return [
        Suggestion(
            "cross_entropy", f"It takes shares of {num_classes} classes as they are."
        ),
        Suggestion(
            "kl_divergence",
            "The same up to a constant, which is 0 for a perfect answer; for a model "
            "that ends in a softmax.",
        ),
    ]


def tokens(labels: Labels) -> list[Suggestion]:
    """Advise on token ids."""
    top = labels.counts.max() / labels.counts.sum()
    padding = {"ignore_index": labels.ignored}
    kept = "no padding was seen" if labels.ignored is None else "padding does not count"
    return [
        Suggestion(
            "token_cross_entropy",
            f"The one to begin with for up to {len(labels.counts):,} tokens; {kept}.",
            {**padding, "label_smoothing": 0.1},
        ),
        Suggestion(
            "token_focal",
            f"The most frequent token is {percent(top)} of all; it turns to the rest.",
            {"gamma": 1.0, **padding},
        ),
    ]


def maps(labels: Labels) -> list[Suggestion]:
    """Advise on class indices of positions, such as masks."""
    shared = labels.counts / labels.counts.sum()
    num_classes, rarest = len(shared), shared[shared > 0].min()
    facts = f"the rarest of {num_classes} classes covers {percent(rarest)}"
    if labels.ignored is not None:
        void = {"ignore_index": labels.ignored}
        return [
            Suggestion(
                "cross_entropy",
                f"Position by position; {labels.ignored} is left out.",
                void,
            ),
            Suggestion(
                "focal", f"It turns to hard positions: {facts}.", {"gamma": 2.0, **void}
            ),
        ]
    name = "binary_cross_entropy" if num_classes == 2 else "cross_entropy"
    pixels = Suggestion(name, f"Position by position: {facts}.")
    dice = Suggestion("dice", f"Regions count whatever their size: {facts}.")
    tversky = Suggestion(
        "focal_tversky", "Misses cost more than false alarms, and hard regions count."
    )
    positions = labels.values.reshape(len(labels.values), -1)
    without = float((positions == 0).all(axis=1).mean())
    if without > 0.2:
        empty = (
            f"{percent(without)} of the maps hold no region, where overlap losses "
            "charge a false alarm hard."
        )
        return [Suggestion(name, empty), dice]
    return [dice, tversky, pixels] if rarest < 0.1 else [pixels, dice]


def _beta(most: int) -> float:
    """Return the beta whose weights still tell the largest class from the others."""
    return short(np.clip(1 - 1 / most, 0.9, 0.9999), digits=4)
