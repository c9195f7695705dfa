"""What the commands of `kerazoo` do; `cli` reads their arguments."""

import fnmatch
import importlib
import json
import shutil
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kerazoo.harness import catalog
from kerazoo.harness.config import EXPORT_FORMATS, one_of, parse_config
from kerazoo.harness.quiet import quiet
from kerazoo.harness.wording import as_score, loss_flags
from kerazoo.losses import TASKS

if TYPE_CHECKING:
    from kerazoo.losses._suggestion import Suggestion

NARROWEST_TEXT = 34  # characters; a table column below it breaks every few words


def list_(
    what: str, filter: str, max_params: float | None, task: str, json: bool
) -> None:
    """List what there is: models, losses, templates, data sets."""
    if what:
        one_of("list", what, catalog.KINDS)
    if task:
        one_of("--task", task := task.replace("-", " "), TASKS)
    found = {}
    for kind in [what] if what else catalog.KINDS:
        rows = found[kind] = [
            row
            for row in catalog.KINDS[kind]()
            if fnmatch.fnmatch(row["name"], filter)
            and (max_params is None or row.get("params", 0) <= max_params)
            and (not task or row.get("task") == task)
        ]
        if json:
            continue
        if kind == "losses":
            _print_losses(rows)
        elif rows:
            _print_table(kind, rows)
    if json:
        print(as_json(found[what] if what else found))
    elif not any(found.values()):
        raise ValueError("no entry fits; `kerazoo list` alone shows all of them")


def info(name: str, summary: bool) -> None:
    """Show the card of one model, loss, data set or template."""
    from kerazoo import zoo

    print(catalog.describe(name))
    if summary and name in zoo.list_models():
        with quiet():
            model = zoo.create_model(name)
        model.summary()


def suggest_loss(data: str, target: str, task: str, json: bool) -> None:
    """Suggest losses for the labels of a data set; nothing is trained."""
    from kerazoo.harness.loss_lab.label_files import read_labels
    from kerazoo.losses import suggest
    from kerazoo.losses._labels import look

    labels = read_labels(data, target)
    known = data in {row["name"] for row in catalog.data_sets()}
    task = task.replace("-", " ") or ("classification" if known else None)
    looked, found = look(labels, task), suggest(labels, task)
    if json:
        shown = {"seen": looked.seen, "suggestions": [asdict(s) for s in found]}
        print(as_json(shown))
        return
    print(f"{data}: {looked.seen}")
    numbers = looked.kind == "numbers" and looked.values.ndim == 1
    for each in found:
        print(f"\n{each.name}\n  {each.reason}")
        used = _call_of(each) if numbers else loss_flags(each.name, each.arguments)
        print(f"  {used}")
    if numbers:
        print(
            "\nThe regression template scales its target to mean 0 and deviation 1, so "
            "that\nthere the same labels ask for:"
        )
        scaled = (looked.values - looked.values.mean()) / looked.values.std()
        for each in suggest(scaled, "regression"):
            print(f"  {loss_flags(each.name, each.arguments)}")
        if (looked.values > 0).all():
            print("  --data.target_transform log   if errors count in percent")
    print("\n`kerazoo info NAME` has the formula, the arguments and the paper.")


def _call_of(suggestion: "Suggestion") -> str:
    given = [f", {name}={value!r}" for name, value in suggestion.arguments.items()]
    return f'losses.get("{suggestion.name}"{"".join(given)})'


def new(template: str, folder: Path) -> None:
    """Copy a template out, to be your own project."""
    from importlib.metadata import version

    source = catalog.template_folder(template)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} exists already; nothing is overwritten.")
    hidden = shutil.ignore_patterns("__pycache__", "runs", "mlruns", "mlflow.db*")
    shutil.copytree(source, folder, ignore=hidden, dirs_exist_ok=True)
    needs = ["tensorflow", "keras", "mlflow", "ai-edge-litert", "pytest"]
    pins = [f"{n}=={version(n)}" if _installed(n) else n for n in needs]
    text = "\n".join([_own_pin(), *pins])
    (folder / "requirements.txt").write_text(f"{text}\n", "utf-8")
    ignored = ["__pycache__/", "runs/", "exports/", "mlruns/", "mlflow.db*"]
    (folder / ".gitignore").write_text("\n".join(ignored) + "\n")
    print(f"{folder} is yours. Next:\n  cd {folder}\n  python train.py --help")
    print("  python train.py")
    if not _installed("pytest"):
        print("  pip install pytest")
    print("  python -m pytest test_train.py")


def _own_pin() -> str:
    """Return what pip installs kerazoo from: where this one is from, or its version."""
    from importlib.metadata import distribution

    own = distribution("kerazoo")
    origin = json.loads(own.read_text("direct_url.json") or "{}")
    if url := origin.get("url"):
        vcs = origin.get("vcs_info", {})
        prefix, commit = (f"{vcs['vcs']}+", f"@{vcs['commit_id']}") if vcs else ("", "")
        return f"kerazoo @ {prefix}{url}{commit}"
    return f"kerazoo=={own.version}"


def train(template: str, flags: Sequence[str]) -> None:
    """Train a template, or your copy of one; every field of its config is a flag."""
    from kerazoo.harness.own_code import imported_from

    folder = catalog.template_folder(template)
    with imported_from(folder):
        config_class = importlib.import_module("config").Config
        config = parse_config(config_class, flags, prog=f"kerazoo train {template}")
        with quiet():
            main = importlib.import_module("train").main
        main(config)
    print("\nnext:")
    steps = {
        "kerazoo ui": "look at the run",
        f"kerazoo new {template} my_project": "make it your own",
        f"kerazoo train {template} --help": "try other settings",
    }
    if template not in catalog.list_templates():  # it is the user's own
        del steps[f"kerazoo new {template} my_project"]
    for command, purpose in steps.items():
        print(f"  {command:<{max(map(len, steps))}}   {purpose}")


def compare_losses(
    template: str,
    losses: str,
    seeds: int,
    label_noise: float,
    imbalance: float,
    flags: Sequence[str],
) -> None:
    """Train a template with several losses, all else equal, and compare them."""
    from kerazoo.harness.own_code import imported_from

    # Other templates have no such fields, so that defaults are not handed on.
    worse = {"label_noise": label_noise} if label_noise != 0 else {}
    worse |= {"imbalance": imbalance} if imbalance != 1 else {}
    folder = catalog.template_folder(template)
    with imported_from(folder):
        config_class = importlib.import_module("config").Config
        for name in worse:
            if not hasattr(getattr(config_class, "data", None), name):
                flag = name.replace("_", "-")
                raise ValueError(f"--{flag} is for classes; {template} has none")
        worse = [f"--data.{name}={value}" for name, value in worse.items()]
        prog = f"kerazoo compare-losses {template}"
        config = parse_config(config_class, [*worse, *flags], prog=prog)
        with quiet():
            from kerazoo.harness.loss_lab import lab

            trials = lab.plan(config, losses, seeds)
            main = importlib.import_module("train").main
        lab.compare(trials, main)


def evaluate(run: str, flags: Sequence[str]) -> None:
    """Measure a run's model again, on its own test split or on other data."""
    from kerazoo.harness.reopen import reopen
    from kerazoo.harness.tracking import runs

    run_id = runs.find_run(run).info.run_id
    facts = runs.read_json(run_id, "data.json")
    if "input_shape" in facts:  # other images would suggest another one
        flags = [f"--data.input_shape={facts['input_shape']}", *flags]
    with reopen(run, flags) as found, quiet():
        from kerazoo.harness.reports.common import of_task

        other = any(flag.startswith("--data.path") for flag in flags)
        if other and hasattr(found.config.data, "whole"):
            chosen = replace(found.config.data, whole=True)
            found = replace(found, config=replace(found.config, data=chosen))
        model, data = found.load_model(), found.load_data()
        data, task = data.served or data, of_task(data.task)
        known = facts["labels"]
        if data.labels != known:
            raise ValueError(
                f"The run knows the classes {', '.join(known)}; the data has "
                f"{', '.join(data.labels)}."
            )
        scores = task.score(model, data)
    print(f"{found.name}, {data.sizes['test']:,} test samples of {data.name}")
    for name, value in scores.items():
        print(f"  test_{name:<20} {as_score(value)}")


def ui(host: str, port: int) -> int:
    """Open the MLflow UI on the store that the runs went to."""
    from kerazoo.harness.tracking import mlflow_store

    if not mlflow_store.is_remote():
        taken = f"Something listens on port {port} of {host}; try --port {port + 1}."
        with suppress(OSError), socket.create_connection((host, port), timeout=1):
            raise ValueError(taken)  # it may show the runs of another folder
    address = mlflow_store.ui_address(f"http://{host}:{port}")
    print(f"The runs are at {address}", flush=True)
    if mlflow_store.is_remote():
        return 0
    print("Ctrl-C ends the server.", flush=True)
    return subprocess.call(mlflow_store.server_command(host, port))


def _print_table(title: str, rows: list[catalog.Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in rows[0]:
        justify = "right" if isinstance(rows[0][column], int) else "left"
        table.add_column(column.replace("_", "-"), justify=justify)
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    console = Console()
    console.print(f"[bold]{title}[/]")
    console.print(table)
    console.print()


def _print_losses(rows: list[catalog.Row]) -> None:
    """Print a table for each task; one that wants more room leaves out columns."""
    if not rows:
        return
    shown = _columns_that_fit(rows)
    for task in TASKS:
        table = [
            {column.replace("_", " "): row[column] for column in shown}
            for row in rows
            if row["task"] == task
        ]
        if table:
            _print_table(f"losses: {task}", table)
    print("`kerazoo info NAME` has the formula, the arguments and the paper.")


def _columns_that_fit(rows: list[catalog.Row]) -> list[str]:
    from rich.console import Console

    room = Console().width - max(len(row["name"]) for row in rows)
    num_texts = max(1, room // (NARROWEST_TEXT + 1))
    return ["name", "for", "not_for", "paper"][: 1 + num_texts]


def _cell(value) -> str:
    if isinstance(value, list):
        return "all" if value == list(EXPORT_FORMATS) else ", ".join(value) or "-"
    if isinstance(value, int) and value > 9999:
        return f"{value / 1e6:,.2f} M"
    return str(value)


def as_json(value, indent: int | None = 2) -> str:
    """Write a value for programs."""
    return json.dumps(value, indent=indent)


def _installed(name: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False
