"""Learning-rate schedules that are counted in updates of the weights."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerazoo")
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Rise in a straight line, then fall.

    Args:
        peak: the highest rate.
        warmup_updates: updates until the peak.
        total_updates: updates until the end.
        shape: "cosine" falls to 0 along half a cosine (Loshchilov & Hutter 2017,
            arXiv:1608.03983); "step" divides by 10 after a half and after three
            quarters of the updates (He et al. 2016, section 4.2); "inverse_sqrt" falls
            with the square root of the updates since the start (Vaswani et al. 2017,
            arXiv:1706.03762, section 5.3); "constant" stays.
        steps_per_update: gradient-accumulation steps. Keras 3.15 ticks a schedule once
            per accumulation step, so the count is divided here; it can go when Keras
            passes `optimizer.iterations`.

    >>> schedule = WarmupSchedule(1.0, 10, 100)
    >>> [round(float(schedule(step)), 2) for step in (0, 5, 10, 55, 100)]
    [0.1, 0.6, 1.0, 0.5, 0.0]
    """

    def __init__(
        self, peak, warmup_updates, total_updates, shape="cosine", steps_per_update=1
    ):
        self.peak = peak
        self.warmup_updates = warmup_updates
        self.total_updates = total_updates
        self.shape = shape
        self.steps_per_update = steps_per_update

    def __call__(self, step):  # noqa: D102
        update = ops.cast(ops.floor_divide(step, self.steps_per_update), "float32")
        falling = max(self.total_updates - self.warmup_updates, 1)
        done = ops.clip((update - self.warmup_updates) / falling, 0.0, 1.0)
        if self.shape == "cosine":
            factor = 0.5 * (1.0 + ops.cos(3.141592653589793 * done))
        elif self.shape == "step":
            passed = update / self.total_updates
            factor = ops.where(passed < 0.5, 1.0, ops.where(passed < 0.75, 0.1, 0.01))
        elif self.shape == "inverse_sqrt":
            factor = ops.sqrt(max(self.warmup_updates, 1) / (update + 1.0))
        else:
            factor = ops.ones_like(done)
        warm = (update + 1.0) / max(self.warmup_updates, 1)
        return self.peak * ops.where(update < self.warmup_updates, warm, factor)

    def get_config(self):  # noqa: D102
        return dict(vars(self))
