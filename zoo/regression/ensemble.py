"""Deep ensembles, Lakshminarayanan et al. 2017, arXiv:1612.01474.

Deviations: no adversarial training; members may be of different architectures.
"""

from collections.abc import Sequence

import keras

from kerazoo.zoo.regression.members import MemberAverage


def ensemble(
    models: Sequence[keras.Model],
    head: str | tuple[float, ...] = "mean",
    name: str = "ensemble",
) -> keras.Model:
    """Join trained models into one that averages their predictions.

    Predicted values and quantiles are averaged. Means with variances become the mean
    and the variance of the models' mixture, in which the models' disagreement adds to
    the variance.

    The weights are shared with `models`, not copied. An ensemble is for use, not for
    training: its loss would be the average's, and models would lean on each other.

    Args:
        models: functional, with the same inputs and outputs.
        head: the head that they were built with.
        name: the ensemble's name.

    Shapes:
        input: the models' own.
        output: (batch, numbers * num_targets), as the head says.

    Raises:
        ValueError: there is no model, or they differ in inputs or outputs.

    >>> from kerazoo.zoo import create_model
    >>> ensemble([create_model("mlp"), create_model("linear")]).output_shape
    (None, 1)
    """
    if not models:
        raise ValueError("an ensemble needs at least one model; got none")
    for model in models[1:]:
        if _form(model) != _form(models[0]):
            raise ValueError(
                "the models of an ensemble must have the same inputs and outputs; "
                f"{models[0].name} has {_form(models[0])}, "
                f"{model.name} has {_form(model)}"
            )
    inputs = [
        keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
        for tensor in models[0].inputs
    ]
    predictions = []
    for index, model in enumerate(models, start=1):
        # In a model of its own, since names within a model must differ.
        member = keras.Model(model.inputs, model.outputs[0], name=f"member{index}")
        predictions.append(member(inputs))
    average = MemberAverage(head == "mean_variance", dtype="float32", name="prediction")
    return keras.Model(inputs, average(predictions), name=name)


def _form(model):
    """Return what must be the same in all members: names, shapes and types."""
    inputs = [(x.name, tuple(x.shape[1:]), x.dtype) for x in model.inputs]
    return inputs, [tuple(x.shape[1:]) for x in model.outputs]
