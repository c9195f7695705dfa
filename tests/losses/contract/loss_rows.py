"""The contract's table: the rows of every file loss_rows_*.py beside this one."""

import importlib
from pathlib import Path

from loss_row import Row

ROWS: dict[str, Row] = {}
for file in sorted(Path(__file__).parent.glob("loss_rows_*.py")):
    rows = importlib.import_module(file.stem).ROWS
    twice = ROWS.keys() & rows.keys()
    if twice:
        raise ValueError(f"two rows for the same loss: {sorted(twice)}")
    ROWS.update(rows)
