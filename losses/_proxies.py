"""What the losses with a trained proxy per class share: the proxies, and cosines."""

import keras
import numpy as np
from keras import ops

from kerazoo.losses._attached import WithVariables
from kerazoo.losses._base import require, seen
from kerazoo.losses._metric import EmbeddingLoss, normalize


class ProxyLoss(WithVariables, EmbeddingLoss):
    """Compare embeddings with a vector per class that is trained along with the model.

    The proxies are variables of the loss. `loss.attach(model)` before `fit` lets the
    model's optimizer train them; to differentiate the loss without it is an error. They
    are saved and loaded with the compiled model. In a compiled step an index out of
    range makes the loss NaN; where the numbers can be seen it is an error.

    A subclass gives `per_sample(target, cosine)`.

    Args:
        num_classes: the number of classes, at least 2.
        features: the size of the embeddings, at least 1.
        initializer: the first proxies, a Keras initializer or its name.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings of any length.
        before reduction: (batch,).

    Raises:
        ValueError: a number outside its bounds, a class index out of range, training
            without `attach`, or shapes that do not fit.
    """

    num_centers = 1

    def __init__(self, num_classes, features, initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        require(num_classes >= 2, "num_classes", "at least 2", num_classes)
        require(features >= 1, "features", "at least 1", features)
        self.num_classes = num_classes
        self.features = features
        if isinstance(initializer, keras.initializers.Initializer):
            initializer = keras.initializers.serialize(initializer)
        self.initializer = initializer
        shape = (num_classes * self.num_centers, features)
        first = keras.initializers.get(initializer)
        self.proxies = self.add_variable(shape, first, trainable=True)

    def per_anchor(self, label, embedding):
        rule = f"of shape (batch, {self.features}), as features says"
        fits = embedding.shape[-1] == self.features
        require(fits, "y_pred", rule, tuple(embedding.shape))
        in_range = ops.logical_and(label >= 0, label < self.num_classes)
        index = ops.cast(ops.where(in_range, label, 0.0), "int32")
        target = ops.one_hot(index, self.num_classes, dtype=embedding.dtype)
        proxies = normalize(ops.cast(self.proxies, embedding.dtype))
        cosine = ops.matmul(normalize(embedding), ops.transpose(proxies))
        values = self.per_sample(target, cosine)
        return self.trained_if_attached(ops.where(in_range, values, np.nan))

    def check(self, y_true, y_pred):
        super().check(y_true, y_pred)
        labels, highest = seen(y_true), self.num_classes - 1
        if labels is not None:
            wrong = labels[(labels < 0) | (labels > highest)]
            rule = f"class indices in 0..{highest}"
            require(not wrong.size, "y_true", rule, wrong[:1].tolist())

    def per_sample(self, target, cosine):
        """Return the cost of each sample.

        Args:
            target: (batch, classes), one-hot.
            cosine: (batch, classes * centers), with the proxies.
        """
        raise NotImplementedError


class CosineSoftmaxLoss(ProxyLoss):
    """Charge the cross-entropy of scaled cosines, with a margin for the true class.

    A subclass gives `scale`, a number, and `with_margin(cosine)`.

    Args:
        **kwargs: those of `ProxyLoss`.

    Shapes:
        as `ProxyLoss`.

    Raises:
        ValueError: as `ProxyLoss` does.
    """

    def per_sample(self, target, cosine):
        score = ops.where(target > 0, self.with_margin(cosine), cosine)
        return -ops.sum(target * ops.log_softmax(self.scale * score), axis=-1)

    def with_margin(self, cosine):
        """Return the cosine that counts if the class is the true one."""
        raise NotImplementedError
