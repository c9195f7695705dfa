"""The wheel: built, installed beside nothing of this folder, and used."""

import json
import os
import site
import subprocess
import sys
import venv
import zipfile

import pytest
from workplace import ROOT, execute

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build from a copy, so that this folder stays as it is."""
    source = tmp_path_factory.mktemp("source")
    listed = execute("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    execute(*command, "--outdir", folder, source, cwd=source)
    (found,) = folder.glob("kerazoo-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment with the wheel, and with every other package of this one."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    (place,) = folder.glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index"]
    execute(*command, "--target", place, wheel, cwd=folder)
    # As plain folders of the path: their .pth files, which lead here, are not read.
    (place / "others.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return folder / "bin" / "python"


@pytest.fixture
def run(installed, tmp_path):
    """Run Python code or a module there, in an empty folder."""

    def run(*arguments, cwd=tmp_path, status=0):
        clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            [str(installed), *map(str, arguments)],
            cwd=cwd,
            env=clean,
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stderr
        return done.stdout

    return run


KERAZOO = ("-c", "import sys; from kerazoo.harness.cli import main; sys.exit(main())")


def test_the_wheel_holds_the_rooms_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    ours = {name for name in names if ".dist-info/" not in name}
    tracked = execute(
        *("git", "ls-files", "-co", "--exclude-standard", "--"),
        *("zoo", "losses", "harness", "templates"),
        cwd=ROOT,
    ).stdout.split()
    kept = {f"kerazoo/{name}" for name in tracked if (ROOT / name).is_file()}
    assert ours == kept
    assert any(name.endswith("LICENSE") for name in names)


def test_the_wheel_names_its_requirements_and_its_command(wheel):
    with zipfile.ZipFile(wheel) as content:
        read = {name.split("/")[-1]: name for name in content.namelist()}
        metadata = content.read(read["METADATA"]).decode()
        commands = content.read(read["entry_points.txt"]).decode()
    assert "kerazoo = kerazoo.harness.cli:main" in commands
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if not line.startswith("#"):
            package = line.replace("=", "<").replace(">", "<").split("<")[0]
            assert f"Requires-Dist: {package}" in metadata
    assert "License-Expression: Apache-2.0" in metadata


def test_it_is_the_installed_package_that_runs(run, installed):
    code = "import kerazoo.harness, kerazoo.zoo; print(kerazoo.zoo.__file__)"
    place = run("-c", code).strip()
    assert place.startswith(str(installed.parents[1])) and str(ROOT) not in place


def test_the_commands_work_from_an_empty_folder(run, tmp_path):
    rows = json.loads(run(*KERAZOO, "list", "cnn", "resnet20", "--json"))
    assert rows[0]["name"] == "resnet20"
    assert "image_classification" in run(*KERAZOO, "list", "templates")
    assert "focal" in run(*KERAZOO, "list", "losses")
    run(*KERAZOO, "new", "image_classification", "mine")
    mine = {file.name for file in (tmp_path / "mine").iterdir()}
    template = {
        file.name for file in (ROOT / "templates/image_classification").iterdir()
    }
    assert mine >= template - {"__pycache__"}
    own, *_ = (tmp_path / "mine" / "requirements.txt").read_text().splitlines()
    assert own.startswith("kerazoo @ file:///") and own.endswith(".whl")
    assert "--data.path" in run("train.py", "--help", cwd=tmp_path / "mine")


def test_a_copy_trains_with_a_losses_file_of_the_users_own(run, tmp_path):
    run(*KERAZOO, "new", "image_classification", "mine")
    for name in ("losses", "zoo", "harness"):
        (tmp_path / "mine" / f"{name}.py").write_text("raise RuntimeError('mine')")
    flags = ["--epochs", "1", "--data.limit", "64", "--export", "[]"]
    shown = run("train.py", *flags, cwd=tmp_path / "mine")
    assert "epoch 1/1" in shown
