"""Models of tables: numbers and categories in, one or several numbers out.

**Every model takes the same arguments**, and then its own:

- `num_features`: columns of numbers, standardised (mean 0, standard deviation 1).
- `cardinalities`: for each column of categories, how many codes there are, the one for
  unknown categories included. Codes are 0, 1, …, cardinality - 1.
- `num_targets`, `head`: what is predicted, see below.
- `embeddings`: how a number enters: `"none"` as it is, `"piecewise_linear"` or
  `"periodic"` as a vector of `embedding_size` (`embeddings.py`);
  `embedding_options` are the arguments of that encoding layer. Bins of
  `"piecewise_linear"` are read from data before training:
  `adapt_embeddings(model, numbers)`, which does nothing to other models.

**Inputs.** "numbers" is float32 (batch, num_features), "categories" is int32 (batch,
columns); one that has no column is left out. A dict of those names does for every
model, a bare tensor for a model of one input. To have preprocessing inside, call the
model on its outputs: `type(model)(inputs, model(encoded))`.

**The output** "prediction" is (batch, numbers * num_targets), in the order that the
losses take: the first number of every target, then the second of every target.

| head | numbers a target | fits |
|---|---|---|
| `"mean"` | 1: the value | mse, huber, log_cosh, … |
| `"mean_variance"` | 2: mean, log of the variance | gaussian_nll, beta_nll, … |
| levels, such as `(0.1, 0.5, 0.9)` | one quantile per level | pinball |

Importing this package registers its layers, so that `keras.saving.load_model` finds
them.
"""

from kerazoo.zoo.regression import categories, embeddings, members

__all__ = ["categories", "embeddings", "members"]
