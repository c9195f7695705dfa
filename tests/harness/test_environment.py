"""Where a run took place: its commit, its packages, its command."""

import subprocess

from workplace import execute

from kerazoo.harness import environment


def test_environment_knows_commit_and_changes(tmp_path):
    assert environment.git_state(tmp_path) is None
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    file = tmp_path / "a.py"
    file.write_text("a = 1\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        execute(*git, *command, cwd=tmp_path)
    commit, changes = environment.git_state(tmp_path)
    assert len(commit) == 40 and changes == ""
    file.write_text("a = 2\n")
    assert environment.git_state(tmp_path)[0] == commit
    assert environment.git_state(tmp_path)[1].endswith("-a = 1\n+a = 2\n")
    (tmp_path / "b.py").write_text("b = 1\n")
    assert environment.git_state(tmp_path)[1].startswith("# not in git: b.py\ndiff ")
    lines = environment.packages().splitlines()
    assert lines[0].startswith("# Python 3.")
    assert any(line.startswith("keras==") for line in lines)


def test_changes_in_another_encoding_are_recorded(tmp_path):
    def git(*arguments):
        execute("git", "-c", "user.name=me", "-c", "user.email=me@here", *arguments)

    def execute(*command):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    file = tmp_path / "towns.csv"
    file.write_bytes(b"town\n")
    git("init")
    git("add", "towns.csv")
    git("commit", "-m", "towns")
    file.write_bytes("town\nOrléans\n".encode("latin-1"))
    commit, changes = environment.git_state(tmp_path)
    assert len(commit) == 40 and "+Orl\ufffdans" in changes


def test_the_command_is_what_one_would_type(monkeypatch):
    for script, first in (
        ("/a/bin/kerazoo", "kerazoo"),
        ("/a/train.py", "python train.py"),
    ):
        monkeypatch.setattr("sys.argv", [script, "--data.path", "my photos"])
        assert environment.command() == f"{first} --data.path 'my photos'"
