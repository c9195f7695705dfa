"""Which zoo model?"""

import keras
from config import LEVELS, Config

from kerazoo import zoo
from kerazoo.harness import Data, load_weights, tables
from kerazoo.zoo.regression.embeddings import adapt_embeddings
from kerazoo.zoo.regression.ensemble import ensemble


def build_model(config: Config, data: Data) -> keras.Model:
    """Build the model that is trained: encoded columns in, scaled targets out."""
    encoding = data.metadata["encoding"]
    model = zoo.create_model(
        config.model.name,
        num_features=tables.num_features(encoding),
        cardinalities=tables.cardinalities(encoding),
        head=head(config),
        **config.model.arguments,
    )
    features, _ = data.served.features["train"]  # the numbers come first
    adapt_embeddings(model, features[:, : tables.num_features(encoding)])
    load_weights(model, config.model)
    return model


def join_models(config: Config, members: list[keras.Model]) -> keras.Model:
    """Join trained models into one that averages them; one alone stays as it is."""
    if len(members) == 1:
        return members[0]
    return ensemble(members, head(config), name=f"{members[0].name}_ensemble")


def build_product(config: Config, model: keras.Model, data: Data) -> keras.Model:
    """Build the model that is exported: raw columns in, the target's unit out."""
    return tables.attach_columns(model, data.metadata["encoding"], head(config))


def head(config: Config) -> str | tuple[float, ...]:
    """Return the head as the zoo names it."""
    return LEVELS if config.head == "quantiles" else config.head
