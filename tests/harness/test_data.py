"""What data are called."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from kerazoo.harness import data_name


@pytest.mark.parametrize(
    ("source", "path", "name"),
    [
        ("table", "data/houses.csv.gz", "houses"),
        ("folder", "photos/", "photos"),
        ("pairs", ".hidden", ".hidden"),
        ("folder", ".", Path.cwd().name.split(".")[0]),
        ("table", "", "table"),  # a frame of one's own
        ("cifar10", "", "cifar10"),
        ("fashion_mnist", "somewhere/else", "fashion_mnist"),
    ],
)
def test_ones_own_data_are_called_as_their_file_is(source, path, name):
    assert data_name(SimpleNamespace(source=source, path=path)) == name
