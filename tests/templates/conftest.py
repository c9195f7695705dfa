"""What tests of the image template share, and those of clients for devices.

Other templates' tests have a `template` of their own.
"""

import importlib
from dataclasses import fields, replace

import pytest
from device_clients import JSON_JAR, KOTLIN, LITERT_JS, install, npm_install
from workplace import ROOT

from kerazoo.harness.own_code import imported_from


@pytest.fixture(scope="module")
def template():
    """The template's modules, by the bare names that they use themselves."""
    with imported_from(ROOT / "templates" / "image_classification"):
        names = ("config", "data", "model", "loss", "train")
        yield {name: importlib.import_module(name) for name in names}


@pytest.fixture(scope="module")
def make_config(template):
    def make(**changes):
        config = template["config"].Config()
        names = {field.name for field in fields(config.data)}
        inner = {k: changes.pop(k) for k in names & set(changes)}
        return replace(config, data=replace(config.data, **inner), **changes)

    return make


@pytest.fixture(scope="session")
def litert_js(tmp_path_factory):
    """LiteRT for a browser, and a browser; return the folder `node_modules`."""
    install("chromium", "chromium")
    folder = tmp_path_factory.mktemp("litert")
    npm_install(LITERT_JS, folder)
    return folder / "node_modules"


@pytest.fixture(scope="session")
def kotlin_compiler(tmp_path_factory):
    """Return the folder of the compiler; what it compiles runs on a JVM."""
    install("default-jre-headless", "java")
    install("libandroid-json-org-java", str(JSON_JAR))
    return npm_install(KOTLIN, tmp_path_factory.mktemp("compiler"))
