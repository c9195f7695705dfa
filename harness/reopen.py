"""Get a finished run back: its config, its data and its model."""

import importlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerazoo.harness.config import parse_config
from kerazoo.harness.model_config import FACTS
from kerazoo.harness.own_code import imported_from
from kerazoo.harness.tracking import runs

if TYPE_CHECKING:
    import keras

    from kerazoo.harness.data import Data


@dataclass(frozen=True)
class ReopenedRun:
    """A run's code, config and data as they were, but for what flags have changed."""

    run_id: str
    name: str
    config: Any
    code: Path

    def load_data(self) -> "Data":
        """Load the run's data with the run's own `data.py`."""
        return importlib.import_module("data").load_data(self.config)

    def load_model(self) -> "keras.Model":
        """Load the model that the run stored."""
        return runs.load_model(self.run_id)


@contextmanager
def reopen(reference: str, flags: Sequence[str] = ()) -> Iterator[ReopenedRun]:
    """Reopen a run for the block.

    Args:
        reference: as in `runs.find_run`.
        flags: fields of the config to change, such as `["--data.path", "photos"]`.

    Raises:
        ValueError: no such run, or one that ended before its code was stored.
    """
    run = runs.find_run(reference)
    with tempfile.TemporaryDirectory() as folder:
        runs.download(run.info.run_id, "config.yaml", folder)
        facts = runs.download(run.info.run_id, FACTS, folder)
        code = runs.download(run.info.run_id, "code", folder)
        with imported_from(code):
            config_class = importlib.import_module("config").Config
            stored = ["--config", str(Path(folder) / "config.yaml")]
            # Classes, columns and vocabularies are those of the run, whatever the data;
            # the weights that it began with may be gone.
            stored.append(f"--model.weights={facts}")
            config = parse_config(config_class, [*stored, *flags], prog="kerazoo")
            yield ReopenedRun(run.info.run_id, run.info.run_name, config, code)
