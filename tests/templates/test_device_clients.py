"""The clients for devices are part of a project of one's own."""

import pytest
from workplace import ROOT


@pytest.mark.parametrize("template", ["image_classification", "regression", "seq2seq"])
def test_the_clients_go_along_with_a_copy(template, new_project):
    copied = {file.name for file in (new_project(template).folder / "device").iterdir()}
    clients = (ROOT / "templates" / template / "device").iterdir()
    assert copied == {file.name for file in clients} and len(copied) == 4
