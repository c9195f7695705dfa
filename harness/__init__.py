"""What every template stands on; `__init__.pyi` has the names.

They are stable, as copied templates use them.
"""

import os
import sys

import lazy_loader

from kerazoo.harness.quiet import QuietTensorflow

# TensorFlow reports every missing graphics card as an error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.meta_path.insert(0, QuietTensorflow())
# On first use, so that reading a config does not import TensorFlow.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
