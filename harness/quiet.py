"""TensorFlow's start-up messages, kept from the terminal."""

import contextlib
import importlib.util
import os
import sys


@contextlib.contextmanager
def quiet():
    """Keep TensorFlow's start-up messages from the terminal for the block.

    They come from C++ before any log level is read. Python's own errors are printed.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is no terminal to keep anything from
        yield
        return
    sys.stderr.flush()
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class QuietTensorflow:
    """Import TensorFlow quietly, whoever imports it: a copied `train.py` does so first.

    Six lines of its C++ heed no log level (TensorFlow 2.21). It stands in
    `sys.meta_path` until then.
    """

    def find_spec(self, name, path=None, target=None):
        """Return the usual spec of TensorFlow, whose loader is quiet; else nothing."""
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        if spec := importlib.util.find_spec(name):
            run = spec.loader.exec_module

            def exec_module(module):
                with quiet():
                    run(module)

            spec.loader.exec_module = exec_module
        return spec
