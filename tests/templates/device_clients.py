"""What runs the clients for devices: Node, a browser, and Kotlin on a JVM."""

import base64
import fcntl
import functools
import http.server
import json
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from workplace import ROOT, execute

JSON_JAR = Path("/usr/share/java/json-android.jar")  # Android's own org.json
# LiteRT for the JVM: its class that runs signatures, without what reads a file.
STAND_IN = Path(__file__).parent / "stand_in" / "Interpreter.kt"
KOTLIN, LITERT_JS = "kotlin-compiler@2.4.20", "@litertjs/core@2.5.3"


def install(package: str, proof: str) -> None:
    """Install a package of Debian's unless its command, or a file of it, is there."""
    with open(Path(tempfile.gettempdir()) / "kerazoo-install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers test side by side
        if not shutil.which(proof) and not Path(proof).exists():
            execute("apt-get", "update", cwd=ROOT)
            options = "-y", "--no-install-recommends"
            execute("apt-get", "install", *options, package, cwd=ROOT)


def npm_install(package: str, folder: Path) -> Path:
    """Install a package of npm's in a folder; return where it is."""
    install("nodejs", "node")
    install("npm", "npm")
    execute("npm", "install", "--no-audit", "--no-fund", package, cwd=folder)
    return folder / "node_modules" / package.rpartition("@")[0]


def run_node(client: Path, check: Path, cases: list, folder: Path) -> Any:
    """Run a client in Node; return what it prints.

    Args:
        client: the client's file.
        check: the program that hands it cases.
        cases: what it is given.
        folder: where it runs.
    """
    install("nodejs", "node")
    file = folder / "cases.json"
    file.write_text(json.dumps(cases))
    # A name that Node takes for a module without a package.json.
    copied = shutil.copy(client, folder / "client.mjs")
    return json.loads(execute("node", check, copied, file, cwd=folder).stdout)


def make_site(folder: Path, modules: Path, *files: Path) -> Path:
    """Fill a folder that a browser is shown; return it.

    Args:
        folder: receives `check.html`, which asks a `page.js` for its answers.
        modules: a folder `node_modules`.
        files: the client, and that `page.js`.
    """
    (folder / "node_modules").symlink_to(modules)
    for file in (Path(__file__).with_name("check.html"), *files):
        shutil.copy(file, folder)
    return folder


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files, and takes the one answer of a page."""

    def __init__(self, *arguments, answers, **options):
        self.answers = answers
        super().__init__(*arguments, **options)

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.answers.put(json.loads(self.rfile.read(size)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def browse(site: Path, profile: Path) -> Any:
    """Open a browser on a folder's `check.html`; return what the page answers.

    Args:
        site: a folder that is served on this machine.
        profile: an empty folder for the browser.
    """
    answers = queue.Queue()
    handler = functools.partial(Handler, answers=answers, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu"),
                *("--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
                *("--disable-background-networking", f"--user-data-dir={profile}"),
                *("--remote-debugging-port=0",),  # else it loads the page and ends
                f"http://127.0.0.1:{server.server_port}/check.html",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return answers.get(timeout=120)
        finally:
            browser.terminate()
            browser.wait()
            server.shutdown()


def compile_kotlin(compiler: Path, folder: Path, *sources: Path) -> list[str]:
    """Compile a program for the JVM; return the command that runs it.

    Args:
        compiler: the folder of npm's package.
        folder: receives the classes.
        sources: one of them a `Check.kt` with the program's `main`.
    """
    execute(
        *("java", "-cp", f"{compiler}/lib/*"),
        *("org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-Werror", "-no-reflect"),
        *("-kotlin-home", compiler, "-cp", JSON_JAR, "-d", folder / "classes"),
        *sources,
        cwd=folder,
    )
    places = folder / "classes", JSON_JAR, compiler / "lib" / "kotlin-stdlib.jar"
    return ["java", "-cp", ":".join(map(str, places)), "CheckKt"]


def run_client(
    command: Sequence[str],
    cases: list,
    folder: Path,
    answer: Callable[[str], str] | None = None,
) -> list:
    """Run a client on cases; return its results.

    Args:
        command: of the client; it reads `cases.json` and writes `results.json`.
        cases: what it is given.
        folder: where it runs.
        answer: what stands in for LiteRT: a line that the client writes → one it gets.
    """
    (folder / "cases.json").write_text(json.dumps(cases))
    client = subprocess.Popen(
        [*command, "cases.json", "results.json"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with client:
        for line in client.stdout:
            client.stdin.write(f"{answer(line.strip())}\n")
            client.stdin.flush()
    assert client.returncode == 0
    return json.loads((folder / "results.json").read_text())


def described(runners: dict[str, Any]) -> dict[str, dict[str, dict]]:
    """List the tensors of a file's signatures, for a client that cannot read it.

    Args:
        runners: of LiteRT's Python, by signature.
    """

    def tensors(details) -> dict[str, dict]:
        return {
            name: {
                "shape": tensor["shape"].tolist(),
                "bytes": int(tensor["shape"].prod())
                * np.dtype(tensor["dtype"]).itemsize,
                "scale": float(tensor["quantization"][0]),
                "zero_point": int(tensor["quantization"][1]),
            }
            for name, tensor in details.items()
        }

    return {
        name: {
            "inputs": tensors(runner.get_input_details()),
            "outputs": tensors(runner.get_output_details()),
        }
        for name, runner in runners.items()
    }


def answer_of(runners: dict[str, Any]) -> Callable[[str], str]:
    """Return what stands in for LiteRT: it runs signatures on tensors as text.

    Args:
        runners: of LiteRT's Python, by signature.
    """

    def answer(line: str) -> str:
        name, *given = line.split()
        details = runners[name].get_input_details()
        inputs = {}
        for part in given:
            key, text = part.split("=", 1)
            array = np.frombuffer(base64.b64decode(text), details[key]["dtype"])
            inputs[key] = array.reshape(details[key]["shape"])
        outputs = runners[name](**inputs)
        texts = {k: base64.b64encode(v.tobytes()).decode() for k, v in outputs.items()}
        return " ".join(f"{key}={text}" for key, text in texts.items())

    return answer
