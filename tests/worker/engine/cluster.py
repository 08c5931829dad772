"""A Ray cluster on this machine for tests and benchmarks: loopback, no dashboard, a small store, ends by itself."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STORE_BYTES = 80_000_000
START_S = 120.0
STARTS = 3


@contextlib.contextmanager
def cluster(processors: int = 2) -> Iterator[str]:
    """The address of a new cluster with so many processors; it and all it started end with the block."""
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        head, client = _started(Path(folder), processors)
        try:
            yield f"ray://127.0.0.1:{client}"
        finally:
            _end(head)


def _started(folder: Path, processors: int) -> tuple[subprocess.Popen, int]:
    """A head that answers, and its port; started again where Ray gave its own start up, as it does after 30 s."""
    for left in reversed(range(STARTS)):
        port, client = _free(2)
        own = folder / str(left)
        log = own.with_suffix(".log")
        with open(log, "wb") as out:
            head = subprocess.Popen(_command(str(own), port, client, processors), env=_environment(), cwd=ROOT,
                                    stdout=out, stderr=out, start_new_session=True)
        try:
            _wait_for(client, head, log)
            return head, client
        except AssertionError:
            _end(head)
            if not left:
                raise
    raise AssertionError("not reached")


def _command(folder: str, port: int, client: int, processors: int) -> list[str]:
    return [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--disable-usage-stats",
            "--node-ip-address=127.0.0.1", f"--port={port}", f"--ray-client-server-port={client}",
            "--include-dashboard=false", f"--num-cpus={processors}", "--num-gpus=0",
            f"--object-store-memory={STORE_BYTES}", f"--temp-dir={folder}"]


def _environment() -> dict[str, str]:
    """Without this variable Ray listens on the machine's outer address, whatever it is told."""
    return {**os.environ, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


def _free(count: int) -> list[int]:
    """Ports that nothing uses, beyond those that Ray gives its workers."""
    found = []
    for port in range(23_000 + os.getpid() % 5_000, 30_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free ports")


def _wait_for(port: int, head: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert head.poll() is None, log.read_text("utf-8", "replace")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    raise AssertionError(log.read_text("utf-8", "replace"))


def _end(head: subprocess.Popen) -> None:
    """Ends the head and its whole session: these processes and no others."""
    head.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        head.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(head.pid, signal.SIGKILL)
    head.wait(10)
