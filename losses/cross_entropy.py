"""Cross-entropy over exclusive classes. Label smoothing: arXiv:1512.00567."""

import keras
from keras import ops

from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class CrossEntropyLoss(CategoricalLoss):
    """Charge the negative log-probability of the true class.

    With target shares q and probabilities p a sample costs -sum(q * log(p)). It takes
    class indices and class shares alike, where Keras has a loss for each, and has the
    class weights and the ignored index of PyTorch's.

    Task: classification.
    For: exclusive classes with mostly right labels; the one to begin with.
    Not for: several classes true at once, or many wrong labels.

    Args:
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: as `CategoricalLoss` does.

    >>> round(float(CrossEntropyLoss()(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    0.6931
    """

    def per_sample(self, target, logits):  # noqa: D102
        return -ops.sum(target * ops.log_softmax(logits), axis=-1)
