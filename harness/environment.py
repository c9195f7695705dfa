"""Where a run took place: code, packages, machine."""

import os
import platform
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path


def packages() -> str:
    """List the Python version, the machine and every installed package, one a line."""
    installed = {f"{d.name}=={d.version}" for d in distributions()}
    lines = [
        f"# Python {platform.python_version()}",
        f"# {platform.platform()}",
        f"# {os.cpu_count()} cores",
        *sorted(installed, key=str.lower),
    ]
    return "\n".join(lines) + "\n"


def git_state(folder: Path) -> tuple[str, str] | None:
    """Return the commit of a folder and the changes since; None outside a checkout.

    Of files that git does not know, those in the folder are named.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",  # of most diffs; a file in another one stops no run
            errors="replace",
            check=True,
        ).stdout

    try:
        new = git("ls-files", "--others", "--exclude-standard").splitlines()
        named = "".join(f"# not in git: {name}\n" for name in new)
        return git("rev-parse", "HEAD").strip(), named + git("diff", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return None


def command() -> str:
    """Return the command line of this process, as one would type it."""
    import shlex

    script, *arguments = sys.argv
    name = Path(script).name
    first = name if name == "kerazoo" else f"python {name}"
    return " ".join([first, *map(shlex.quote, arguments)])
