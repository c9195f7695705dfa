"""What TensorFlow says at its start is kept from the terminal, and nothing else."""

import sys

from workplace import execute


def test_tensorflow_starts_quietly_below_the_harness(tmp_path):
    code = (
        "import os, sys, kerazoo.harness, tensorflow as tf;"
        "os.write(2, b'shown'); print(tf.constant(1).numpy(), tf.__name__)"
    )
    done = execute(sys.executable, "-c", code, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("1 tensorflow\n", "shown")


def test_upstream_tensorflow_heeds_no_log_level_at_its_start(tmp_path):
    """When it does, `QuietTensorflow` can go."""
    command = (sys.executable, "-c", "import tensorflow")
    done = execute(*command, cwd=tmp_path, TF_CPP_MIN_LOG_LEVEL="3")
    assert done.stderr


MISSING = """
import sys, kerazoo.harness
sys.path = [place for place in sys.path if "site-packages" not in place]
try:
    import tensorflow
except ModuleNotFoundError as error:
    print(error)
"""


def test_a_package_that_is_not_there_is_missed_as_usual(tmp_path):
    done = execute(sys.executable, "-c", MISSING, cwd=tmp_path)
    assert done.stdout == "No module named 'tensorflow'\n"


def test_there_need_be_no_terminal(tmp_path):
    code = "import os; os.close(2); import kerazoo.harness, tensorflow; print('there')"
    assert execute(sys.executable, "-c", code, cwd=tmp_path).stdout == "there\n"
