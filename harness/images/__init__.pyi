"""The names that templates use, by the files that they stand in."""

from . import datasets as datasets
from .corrupt import (
    flip_labels as flip_labels,
    thin_out as thin_out,
)
from .datasets import ArrayDataset as ArrayDataset
from .files import read_images as read_images
from .folders import (
    common_size as common_size,
    scan_image_folder as scan_image_folder,
)
