"""In what order? Load, build, fit, evaluate, export: `python train.py --help`."""

from config import Config
from data import load_data
from loss import build_loss, build_metrics
from model import build_model, build_product, build_translator

from kerazoo.harness import build_optimizer, parse_config, tracked_run


def main(config: Config) -> dict[str, float]:
    """Train, measure and export one model; return its scores on the test split."""
    with tracked_run(config) as run:
        data = load_data(config)
        model = build_model(config, data)
        model.compile(
            optimizer=build_optimizer(config, data),
            loss=build_loss(config, data),
            metrics=build_metrics(),
            jit_compile=config.jit_compile,
        )
        greedy = build_translator(config, model, data, beam=1)
        run.fit(model, data, [run.decoded_score(greedy, data)])
        searching = build_translator(config, model, data, config.decoding.beam)
        scores = run.evaluate(searching, data)
        product = build_product(config, model, data)
        run.export(product, data)
    return scores


if __name__ == "__main__":
    main(parse_config(Config))
