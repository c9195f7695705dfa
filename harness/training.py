"""From a config to an optimizer, and from there to trained weights."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from kerazoo.harness.config import TrainingConfig
from kerazoo.harness.data import Data
from kerazoo.harness.errors import UserError
from kerazoo.harness.model_config import ModelConfig
from kerazoo.harness.wording import as_score, not_among

if TYPE_CHECKING:
    import keras

    from kerazoo.harness.texts.decoded_score import DecodedScore

# Decay pulls weights to zero, where a norm's scale, a bias or a slope has no business.
NOT_DECAYED = ["bias", "gamma", "beta", "alpha"]


def prepare(config: TrainingConfig) -> None:
    """Seed every generator and set the precision; call it before building a model."""
    import keras

    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    # Keras traces `predict` anew for each last batch; the advice is not for our user.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if config.deterministic and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def load_weights(model: "keras.Model", config: ModelConfig) -> None:
    """Give a model the weights to start from, if the config names any.

    Raises:
        UserError: the file is none of Keras's, or it is of a model with other layers or
            sizes.
    """
    if not config.file:
        return
    file = str(config.file)
    if not file.endswith((".keras", ".weights.h5")):
        raise UserError(f"model.weights: {file} ends in neither .keras nor .weights.h5")
    try:
        with warnings.catch_warnings():
            # Keras goes on with random weights where the file has no such layers.
            warnings.filterwarnings("error", "Skipping", UserWarning)
            model.load_weights(file)
    except (OSError, BadZipFile) as error:
        raise UserError(f"model.weights: {file} is not a file of weights") from error
    except (ValueError, UserWarning) as error:
        raise UserError(
            f"model.weights: {file} is of another model than this {model.name}: other "
            "arguments, or other data (classes, columns or vocabularies)"
        ) from error


def build_optimizer(config: TrainingConfig, data: Data) -> "keras.optimizers.Optimizer":
    """Build the optimizer that a config describes.

    Weight decay spares biases and norms; the schedule counts updates of the weights,
    not accumulation steps.
    """
    import keras

    from kerazoo.harness.schedules import WarmupSchedule

    updates = len(data.train) / config.gradient_accumulation_steps
    schedule = WarmupSchedule(
        peak=config.learning_rate,
        warmup_updates=int(config.warmup_epochs * updates),
        total_updates=int(config.epochs * updates),
        shape=config.schedule,
        steps_per_update=config.gradient_accumulation_steps,
    )
    classes = {name.lower(): kind for name, kind in vars(keras.optimizers).items()}
    optimizer = classes[config.optimizer.replace("_", "")](
        learning_rate=schedule,
        weight_decay=config.weight_decay,
        global_clipnorm=config.global_clipnorm or None,
        gradient_accumulation_steps=config.gradient_accumulation_steps
        if config.gradient_accumulation_steps > 1
        else None,
        use_ema=config.ema_momentum > 0,
        ema_momentum=config.ema_momentum or 0.99,
        **config.optimizer_arguments,
    )
    if config.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def fit(
    model: "keras.Model",
    data: Data,
    config: TrainingConfig,
    folder: Path,
    callbacks: list["keras.callbacks.Callback"],
    scorers: Sequence["DecodedScore"] = (),
) -> dict[str, float]:
    """Train a compiled model and leave it with the weights of its best epoch.

    Args:
        model: compiled.
        data: `train` and `validation` are used.
        config: epochs, monitor, early stopping, EMA.
        folder: receives `best.keras` (inference only) and `last.keras` (with the
            optimizer's state), each written whole or not at all.
        callbacks: called after the harness's own at each event.
        scorers: add scores to an epoch's, before the best epoch is picked.

    Returns:
        Nothing if an epoch's weights were kept. Else the validation scores: without
        epochs, of the weights that the model began with; or of the averaged ones of
        the last epochs, with their number as `averaged_epochs`, if
        `config.average_epochs` asks for them and they beat every epoch.

    Raises:
        NonFiniteError: the loss, or a weight, became NaN or infinite.
        ValueError: `config.monitor` is no metric of this model.
    """
    import keras

    from kerazoo.harness import callbacks as ours
    from kerazoo.harness.progress import Progress

    if hasattr(model.loss, "attach"):  # a loss with variables of its own
        model.loss.attach(model)
    _check_monitor(config, model, data, scorers)
    averaging = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]
    if keras.backend.backend() == "jax":
        averaging.append(ours.OwnArrays())
    checkpoint = ours.Checkpoint(folder, config.monitor, config.better)
    if not config.epochs:
        checkpoint.set_model(model)
        logs = validate(model, data, scorers)
        checkpoint.keep_better(logs)
        print(f"not trained  {config.monitor} {as_score(logs[config.monitor])}")
        return logs
    average = ours.WeightAverage(config.epochs, config.average_epochs)
    stopping = keras.callbacks.EarlyStopping(
        config.monitor, patience=config.early_stopping, mode=config.better
    )
    with Progress(config.epochs) as progress, ours.Interruption() as interruption:
        model.fit(
            data.train,
            validation_data=data.validation,
            epochs=config.epochs,
            class_weight=data.class_weight,
            shuffle=False,  # the data set shuffles itself
            verbose=0,
            callbacks=[
                ours.StopOnNonFinite(),
                *(averaging if config.ema_momentum else []),
                ours.Stopwatch(data.sizes["train"]),
                *scorers,
                checkpoint,
                average,
                *([stopping] if config.early_stopping else []),
                *callbacks,
                progress,
                interruption,
            ],
        )
    averaged = {}
    if average.number > 1:
        average.apply()
        logs = validate(model, data, scorers)
        found = f"{config.monitor} {as_score(logs[config.monitor])}"
        better = checkpoint.keep_better(logs)
        kept = (
            "kept"
            if better
            else f"not kept, epoch {checkpoint.best_epoch + 1} is better"
        )
        print(f"mean of the last {average.number} epochs' weights  {found}  {kept}")
        averaged = {**logs, "averaged_epochs": average.number} if better else {}
    checkpoint.restore_best()
    return averaged


def validate(
    model: "keras.Model", data: Data, scorers: Sequence["DecodedScore"] = ()
) -> dict[str, float]:
    """Return an epoch's validation scores, of a model as it is now."""
    scores = model.evaluate(data.validation, verbose=0, return_dict=True)
    logs = {f"val_{name}": value for name, value in scores.items()}
    for scorer in scorers:
        logs |= scorer.score()
    return logs


def _check_monitor(
    config: TrainingConfig,
    model: "keras.Model",
    data: Data,
    scorers: Sequence["DecodedScore"],
) -> None:
    """Refuse a metric that no epoch will have before the first one is trained."""
    # Keras knows a model's metrics once they have seen a batch.
    names = model.evaluate(data.validation, steps=1, verbose=0, return_dict=True)
    known = [f"val_{name}" for name in names]
    known += [name for scorer in scorers for name in scorer.names]
    # Weights that are averaged are judged by validation alone.
    allowed = known if config.average_epochs else [*known, *names]
    if config.monitor not in allowed:
        raise UserError(f"monitor: {not_among(config.monitor, known)}")
