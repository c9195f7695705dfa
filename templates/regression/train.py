"""In what order? Load, build, fit, evaluate, export: `python train.py --help`."""

from config import Config
from data import load_data
from loss import build_loss, build_metrics
from model import build_model, build_product, join_models

from kerazoo.harness import build_optimizer, parse_config, tracked_run


def main(config: Config) -> dict[str, float]:
    """Train, measure and export a model; return its scores on the test split."""
    with tracked_run(config) as run:
        data = load_data(config)
        members = []
        for _ in run.members(config.ensemble):
            model = build_model(config, data)
            model.compile(
                optimizer=build_optimizer(config, data),
                loss=build_loss(config),
                metrics=build_metrics(config, data),
                jit_compile=config.jit_compile,
            )
            run.fit(model, data)
            members.append(model)
        model = join_models(config, members)
        product = build_product(config, model, data)
        scores = run.evaluate(product, data.served)
        run.export(product, data)
    return scores


if __name__ == "__main__":
    main(parse_config(Config))
