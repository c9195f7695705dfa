"""The command `kerazoo`. Heavy imports stand inside the commands that need them."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from kerazoo.harness import catalog, commands, commands_export, commands_predict
from kerazoo.harness.config import EXPORT_FORMATS
from kerazoo.harness.wording import not_among
from kerazoo.losses import TASKS

EPILOG = """commands to start with:
  kerazoo list cnn                                   which models are there?
  kerazoo train image_classification --epochs 5      train one on the embedded digits
  kerazoo ui                                         look at the run
  kerazoo new image_classification my_project        make it your own
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # The template's own parser reads what stands behind its name.
    if arguments[:1] == ["train"] and len(arguments) > 1 and arguments[1][:1] != "-":
        return _guarded(commands.train, arguments[1], arguments[2:])
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    values = {k: v for k, v in vars(options).items() if k != "command"}
    if "flags" in values:
        values["flags"] = rest
    elif "inputs" in values and not any(text.startswith("-") for text in rest):
        values["inputs"] += rest  # argparse takes none behind an option
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return _guarded(options.command, **values)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        """Answer a mistake in one line; the usage has ten."""
        if given := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
            message = not_among(given[1], re.findall(r"[\w-]+", given[2])).rstrip(".")
        self.exit(2, f"{self.prog}: error: {message}; see {self.prog} --help\n")


def _guarded(command, *arguments, **options) -> int:
    try:
        return command(*arguments, **options) or 0
    except (ValueError, OSError) as error:
        # Where it was raised, if no one foresaw it while a template ran.
        text = " ".join([str(error), *getattr(error, "__notes__", ())])
        print(f"kerazoo: error: {text}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        # Of mlflow itself, which is not imported to read a command line.
        if type(error).__module__ != "mlflow.exceptions":
            raise
        from kerazoo.harness.tracking.mlflow_store import reason

        print(f"kerazoo: error: the store of runs: {reason(error)}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        "kerazoo",
        description="Train, track and export Keras models.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(command, example: str) -> argparse.ArgumentParser:
        name = command.__name__.strip("_").replace("_", "-")
        summary = command.__doc__.splitlines()[0]
        added = subparsers.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=f"example: {example}",
            allow_abbrev=False,
        )
        added.set_defaults(command=command)
        return added

    def add_flags(sub: argparse.ArgumentParser, text: str) -> None:
        # Whatever is not known here is for the template's own parser.
        sub.set_defaults(flags=())
        sub.usage = f"{sub.format_usage()[7:].rstrip()} [--FIELD VALUE ...]"
        sub.description += f" --FIELD: {text}."

    sub = add(commands.list_, "kerazoo list cnn --max-params 1e6")
    sub.add_argument("what", nargs="?", default="", help=", ".join(catalog.KINDS))
    sub.add_argument("filter", nargs="?", default="*", help="a glob, such as 'resnet*'")
    sub.add_argument("--max-params", type=float, help="models of at most this size")
    tasks = ", ".join(TASKS)
    sub.add_argument("--task", default="", help=f"losses for one of: {tasks}")
    sub.add_argument("--json", action="store_true", help="print JSON")

    sub = add(commands.info, "kerazoo info resnet20")
    sub.add_argument("name", help="a model, loss, data set or template")
    sub.add_argument("--summary", action="store_true", help="build it; list its layers")

    sub = add(commands.suggest_loss, "kerazoo suggest-loss table.csv --target price")
    sub.add_argument(
        "data",
        help="a data set's name, a folder of images, a table, or a .npy or .npz file",
    )
    sub.add_argument("--target", default="", help="the column, or the array in a .npz")
    sub.add_argument("--task", default="", help="what the labels do not show: " + tasks)
    sub.add_argument("--json", action="store_true", help="print JSON")

    sub = add(commands.new, "kerazoo new image_classification my_project")
    sub.add_argument("template", help="a name from `kerazoo list templates`")
    sub.add_argument("folder", type=Path, help="must not exist yet, or be empty")

    sub = add(commands.train, "kerazoo train image_classification --data.path photos/")
    sub.add_argument("template", help="a template's name, or the folder of a copy")
    add_flags(sub, "`kerazoo train TEMPLATE --help` has all")

    sub = add(
        commands.compare_losses,
        "kerazoo compare-losses image_classification --losses cross_entropy,focal "
        "--imbalance 50 --epochs 5",
    )
    sub.add_argument("template", help="a template's name, or the folder of a copy")
    sub.add_argument("--losses", required=True, help="such as mse,huber:delta=2")
    sub.add_argument("--seeds", type=int, default=3, help="runs of each loss")
    sub.add_argument(
        "--label-noise",
        type=float,
        default=0.0,
        help="share of training labels to make wrong",
    )
    sub.add_argument(
        "--imbalance",
        type=float,
        default=1.0,
        help="thin training classes to this ratio, first : last",
    )
    add_flags(sub, "as for `kerazoo train`; the same for every loss")

    run_help = "a run's id (or how it begins), its name, its folder, or `last`"
    sub = add(commands.evaluate, "kerazoo evaluate last")
    sub.add_argument("run", help=run_help)
    add_flags(sub, "other data, such as --data.path photos/")

    sub = add(commands_predict.predict, "kerazoo predict last cat.jpg dog.png")
    sub.add_argument("run", help=run_help)
    sub.add_argument(
        "inputs", nargs="*", help="images, a table such as rows.csv, or texts"
    )
    sub.add_argument(
        *("--top", "--n-best"),
        type=int,
        help="classes to name (default 3), or answers to a text (default 1)",
    )
    sub.add_argument(
        "--output",
        type=Path,
        help="write predictions to this CSV (default: print them)",
    )
    sub.add_argument("--json", action="store_true", help="print JSON")
    texts = sub.add_argument_group("how answers to texts are searched for")
    texts.add_argument(
        "--beam",
        type=int,
        help="hypotheses to follow (default: the run's); 1 is greedy",
    )
    texts.add_argument(
        "--sample",
        action="store_true",
        default=None,
        help="draw answers at random instead",
    )
    texts.add_argument(
        "--temperature", type=float, help="of --sample (default 1); near 0 it is greedy"
    )
    texts.add_argument(
        "--top-k",
        type=int,
        help="draw from so many of the most probable tokens (default: all)",
    )
    texts.add_argument(
        "--top-p",
        type=float,
        help="draw from the tokens that make up this share (default 1)",
    )
    texts.add_argument(
        "--seed", type=int, help="of --sample (default 0); the same seed draws the same"
    )
    texts.add_argument(
        "--no-repeat-ngram",
        type=int,
        metavar="N",
        help="let N tokens in a row occur only once (default: the run's); 0 allows all",
    )
    texts.add_argument("--prefix", metavar="TEXT", help="begin every answer with this")

    sub = add(
        commands_export.export, "kerazoo export last --formats tflite,tflite-int8"
    )
    sub.add_argument("source", metavar="RUN_OR_FILE", help=f"{run_help}; or a .keras")
    sub.add_argument(
        "--formats",
        default="",
        help=f"of {', '.join(EXPORT_FORMATS)}, by commas (default: the run's, or all)",
    )
    sub.add_argument(
        "--folder",
        type=Path,
        default=Path("exports"),
        help="where to write; it must not hold files of another model",
    )
    sub.add_argument(
        "--samples",
        type=Path,
        help="for a .keras: .npz with inputs, as x or by their names, and y",
    )
    sub.add_argument(
        "--tolerance",
        type=float,
        help="how much worse the accuracy, the error rate, or the RMSE in deviations "
        "of the target may get (default: the run's, or 0.02)",
    )

    sub = add(commands.ui, "kerazoo ui --port 5000")
    sub.add_argument("--port", type=int, default=5000)
    sub.add_argument("--host", default="127.0.0.1")
    return parser
