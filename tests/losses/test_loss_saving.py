"""Compiled models with each loss are saved as .keras and loaded in a fresh process."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kerazoo import losses

sys.path.insert(0, str(Path(__file__).with_name("contract")))
from loss_rows import ROWS

# The fresh process imports nothing but what the package offers.
LOAD = """
import json, sys
from pathlib import Path
import keras, numpy as np
import kerazoo.losses as losses

folder, scores = Path(sys.argv[1]), {}
for file in sorted(folder.glob("*.keras")):
    losses.get_class(file.stem)  # registers the class
    model = keras.saving.load_model(file)
    data = np.load(file.with_suffix(".npz"))
    scores[file.stem] = float(model.evaluate(data["x"], data["y"], verbose=0))
(folder / "scores.json").write_text(json.dumps(scores))
"""


@pytest.mark.slow
def test_every_loss_survives_a_fresh_process(tmp_path):
    expected = {}
    for name, row in ROWS.items():
        y_true, y_pred = row.kind.sample(np.random.default_rng(0), 4)
        inputs = keras.Input(y_pred.shape[1:])
        model = keras.Model(inputs, keras.layers.Identity()(inputs))
        loss = losses.get(name, **row.arguments)
        model.compile(loss=loss)
        model.save(tmp_path / f"{name}.keras")
        np.savez(tmp_path / f"{name}.npz", x=y_pred, y=y_true)
        expected[name] = float(loss(y_true, y_pred.astype("float32")))
    command = [sys.executable, "-c", LOAD, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert set(scores) == set(losses.list_losses())
    for name, value in expected.items():
        np.testing.assert_allclose(scores[name], value, rtol=1e-5, err_msg=name)
