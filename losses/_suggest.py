"""Which loss suits these labels? Two or three suggestions, from the labels alone."""

from collections.abc import Callable

from kerazoo.losses import (
    _suggest_classes as of_classes,
    _suggest_numbers as of_numbers,
)
from kerazoo.losses._labels import Labels, look
from kerazoo.losses._suggestion import Suggestion

BY_KIND: dict[str, Callable[[Labels], list[Suggestion]]] = {
    "binary": of_classes.binary,
    "signs": of_classes.signs,
    "classes": of_classes.classes,
    "multi-label": of_classes.multi_label,
    "shares": of_classes.shares,
    "tokens": of_classes.tokens,
    "maps": of_classes.maps,
    "numbers": of_numbers.numbers,
}
BY_TASK: dict[str | None, Callable[[Labels], list[Suggestion]]] = {
    "imbalance": of_classes.imbalance,
    "noisy labels": of_classes.noisy,
    "ordinal": of_classes.ordinal,
    "metric learning": of_classes.metric,
    "boxes": of_numbers.boxes,
    "distillation": of_numbers.distillation,
}


def suggest(y, task: str | None = None) -> list[Suggestion]:
    """Suggest losses for labels, the likeliest first. Nothing is trained or chosen.

    It sees labels only. Whether some are wrong, whether classes have an order, whether
    a miss costs more than a false alarm is not written in them: say that by `task`.
    Scales such as delta come from the spread of the labels; a trained model's errors
    are smaller, so take them again from its residuals.

    Args:
        y: the labels of the training data: class indices, strings, booleans, one-hot,
            0 and 1 of many labels (-1 where one is missing), shares, token ids (batch,
            time), maps of class indices (batch, …), or numbers.
        task: what they are for, one of `losses.TASKS`; None to tell it by the labels.

    Returns:
        two or three suggestions.

    Raises:
        ValueError: labels that are empty, not finite, all the same, of no usable type,
            or not such as the task needs.

    >>> [s.name for s in suggest([0, 0, 0, 0, 0, 0, 0, 1])]
    ['binary_cross_entropy', 'binary_focal', 'weighted_cross_entropy']
    >>> suggest([1.0, -2.5, 2.0, -1.5, 2.2, 40.0])[0].name
    'huber'
    """
    labels = look(y, task)
    return BY_TASK.get(task, BY_KIND[labels.kind])(labels)
