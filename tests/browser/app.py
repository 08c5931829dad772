"""The real app in a real browser: a server of its own, and Chromium with the switches that keep it quiet."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = "foreign.example"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1")


@dataclass(frozen=True)
class App:
    """A running server: its address, process and workspace."""

    url: str
    process: subprocess.Popen
    home: Path


def chromium() -> str | None:
    """Path of the browser, or None where there is none."""
    return next((found for name in ("chromium", "chromium-browser", "google-chrome")
                 if (found := shutil.which(name))), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# The command line of Streamlit as it is, and at the end a list of what the process had imported.
_LISTING = """import atexit, json, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # which the server comes back to once it has ended
atexit.register(lambda: json.dump(sorted(sys.modules), open(os.environ["MODULES_TO"], "w")))
from streamlit.web.cli import main
main()"""


@contextlib.contextmanager
def running(home: Path, *, modules_to: Path | None = None, options: Sequence[str] = (),
            script: str = "app.py") -> Iterator[App]:
    """Starts the app on a workspace as a person would; ends it, and its workers, afterwards.

    `modules_to` names a file that gets the server's `sys.modules` as JSON when it ends; `options` are
    Streamlit's own. `script` is another page than the app, to compare it with.
    """
    port = free_port()
    log = open(home.parent / "app.log", "ab")  # noqa: SIM115
    start = ["-c", _LISTING] if modules_to else ["-m", "streamlit"]
    process = subprocess.Popen(
        [sys.executable, *start, "run", script, "--server.headless", "true", "--server.port", str(port),
         *options],
        cwd=ROOT, stdout=log, stderr=log,
        env={**os.environ, "AFTERIMAGE_HOME": str(home), "MODULES_TO": str(modules_to or "")})
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield App(f"http://127.0.0.1:{port}", process, home)
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()
        stop_workers(home)


def stop_workers(home: Path) -> None:
    """Ends the workspace's workers, so that a test leaves nothing behind."""
    from explorer.jobs.launch import stop_workers as stop
    from explorer.settings import load_settings
    stop(load_settings(home))


def wait_for(url: str, *, timeout_s: float = 240.0) -> None:
    """Returns once the address answers; AssertionError after `timeout_s`."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"{url} did not answer within {timeout_s:.0f} s")


@contextlib.contextmanager
def browser() -> Iterator:
    """A Chromium driven by Playwright, for which the name FOREIGN is this computer."""
    from playwright.sync_api import sync_playwright
    with sync_playwright() as driver:
        chrome = driver.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield chrome
        finally:
            chrome.close()


def unfold(page) -> None:
    """Opens every folded part of the page; Streamlit keeps what is folded from being used."""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true);"
                  "document.querySelectorAll('[inert]').forEach(e => e.removeAttribute('inert'))")


def settled(page, *, timeout_ms: int = 60_000) -> None:
    """Waits until the script run has ended and the page is drawn."""
    page.wait_for_selector('[data-testid="stAppViewContainer"]', timeout=timeout_ms)
    page.wait_for_function(
        "() => document.querySelector('[data-test-script-state]')?.dataset.testScriptState === 'notRunning'"
        " && document.querySelector('h1')", timeout=timeout_ms)
