"""What runs clients for devices: Node, a browser, and a Kotlin compiler on a JVM."""

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
from pathlib import Path

import numpy as np
from workplace import ROOT, execute

JSON_JAR = Path("/usr/share/java/json-android.jar")  # Android's own org.json
KOTLIN, LITERT_JS = "kotlin-compiler@2.4.20", "@litertjs/core@2.5.3"


def install(package, proof):
    """Install a package of Debian's unless its command, or a file of it, is there."""
    with open(Path(tempfile.gettempdir()) / "kerazoo-install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers test side by side
        if not shutil.which(proof) and not Path(proof).exists():
            execute("apt-get", "update", cwd=ROOT)
            options = "-y", "--no-install-recommends"
            execute("apt-get", "install", *options, package, cwd=ROOT)


def npm_install(package, folder):
    install("nodejs", "node")
    install("npm", "npm")
    execute("npm", "install", "--no-audit", "--no-fund", package, cwd=folder)
    return folder / "node_modules" / package.rpartition("@")[0]


def make_site(folder, *files):
    """Fill a folder that a browser is shown with LiteRT and files; return it."""
    install("chromium", "chromium")
    npm_install(LITERT_JS, folder)
    for file in files:
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


def browse(site, profile):
    """Open a browser on this machine's own page; return what the page answers."""
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


def compile_kotlin(sources, folder):
    """Compile sources of Kotlin with a `Check.kt`; return the command that runs it."""
    install("default-jre-headless", "java")
    install("libandroid-json-org-java", str(JSON_JAR))
    compiler = npm_install(KOTLIN, folder)
    execute(
        *("java", "-cp", f"{compiler}/lib/*"),
        *("org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-Werror", "-no-reflect"),
        *("-kotlin-home", compiler, "-cp", JSON_JAR, "-d", folder / "classes"),
        *sources,
        cwd=folder,
    )
    places = folder / "classes", JSON_JAR, compiler / "lib" / "kotlin-stdlib.jar"
    return ["java", "-cp", ":".join(map(str, places)), "CheckKt"]


def run_client(command, cases, folder, runners=None):
    """Run a client; run a file's signatures, by name, when it asks for it."""
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
            client.stdin.write(run_signature(runners, *line.split()))
            client.stdin.flush()
    assert client.returncode == 0
    return json.loads((folder / "results.json").read_text())


def run_signature(runners, name, *given):
    """Run a signature on tensors as text; return its outputs as text."""
    runner = runners[name]
    inputs = {}
    for part in given:
        key, text = part.split("=", 1)
        details = runner.get_input_details()[key]
        array = np.frombuffer(base64.b64decode(text), details["dtype"])
        inputs[key] = array.reshape(details["shape"])
    outputs = runner(**inputs)
    texts = {k: base64.b64encode(v.tobytes()).decode() for k, v in outputs.items()}
    return " ".join(f"{key}={text}" for key, text in texts.items()) + "\n"
