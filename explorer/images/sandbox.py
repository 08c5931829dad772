"""A child process that reads untrusted files under memory and time limits, kept for the next file.

The parent (`Sandbox`) sends one framed request and reads one framed reply; a child that is slow, too
large or dead is ended and a new one starts with the next file. Run as `python -m
explorer.images.sandbox` this module is the child that decodes pictures; other modules that call `serve`
may be children too. The child gets a bare environment, may write no file (where the platform has
`resource`), and ends by itself when its parent goes or it has been idle.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import os
import queue
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import psutil

from explorer.errors import ExplorerError

MEMORY_MB = 1536
TIMEOUT_S = 8.0  # of the child's own processor time for one file, so that a busy machine refuses no good file
WAIT = 4.0  # times that on the clock, for a child that sleeps
START_S = 60.0
IDLE_S = 90.0
MAX_HEADER = 8 * 2**20
PICTURES = "explorer.images.sandbox"  # the child that decodes them
_ROOT = Path(__file__).resolve().parent.parent.parent
_FRAME = struct.Struct(">IQ")  # header length, payload length


class SandboxFailure(Exception):
    """The child died or was ended; `reason` is "time", "memory" or "crash"."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Sandbox:
    """Starts one child process at its first request; safe to share between threads.

    >>> Sandbox().call({"op": "decode", "name": "a.png"}, data)  # -> (reply header, payload)
    """

    def __init__(self, *, memory_mb: int = MEMORY_MB, timeout_s: float = TIMEOUT_S, module: str = PICTURES):
        self.memory_mb, self.timeout_s, self.module = memory_mb, timeout_s, module
        self._lock = threading.Lock()
        self._child: subprocess.Popen | None = None
        self._replies: queue.Queue = queue.Queue()

    def call(self, request: dict, payload: bytes = b"", *, timeout_s: float = 0.0,
             memory_mb: int = 0) -> tuple[dict, bytes]:
        """The child's reply; ExplorerError if it refused the file, SandboxFailure if it did not survive.

        `timeout_s` and `memory_mb` take the place of the sandbox's own limits for this file.
        """
        limits = (timeout_s or self.timeout_s, memory_mb or self.memory_mb)
        with self._lock:
            for attempt in (1, 2):  # an idle child may end between two files: one new try
                fresh = self._child is None or self._child.poll() is not None
                if fresh:
                    self._start()
                try:
                    header, body = self._exchange(request, payload, *limits)
                    break
                except SandboxFailure as failure:
                    self.close()
                    if fresh or failure.reason != "crash" or attempt == 2:
                        raise
                except BaseException:  # interrupted: its answer must not pass for the next file's
                    self.close()
                    raise
        if "refused" in header:
            raise ExplorerError.unpacked(header["refused"])
        return header, body

    def close(self) -> None:
        """Ends the child, if there is one."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()

    def _start(self) -> None:
        self.close()
        keep = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
        environment = {k: os.environ[k] for k in keep if k in os.environ}
        environment |= {"PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
                        "PYTHONDONTWRITEBYTECODE": "1", "AFTERIMAGE_SANDBOX_MB": str(self.memory_mb)}
        self._child = subprocess.Popen(
            [sys.executable, "-s", "-m", self.module], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd=str(_ROOT))
        self._replies = queue.Queue()
        threading.Thread(target=_pump, args=(self._child.stdout, self._replies), daemon=True).start()
        try:
            self._wait(START_S, self.memory_mb)  # its greeting
        except BaseException:  # a greeting that comes late would pass for the answer to the next file
            self.close()
            raise

    def _exchange(self, request: dict, payload: bytes, timeout_s: float, memory_mb: int) -> tuple[dict, bytes]:
        spent = _used(self._child.pid)[1]
        try:
            _send(self._child.stdin, request, payload)
        except OSError as error:
            raise SandboxFailure("crash") from error
        return self._wait(WAIT * timeout_s, memory_mb, busy_s=spent + timeout_s)

    def _wait(self, limit_s: float, most_mb: int, *, busy_s: float = math.inf) -> tuple[dict, bytes]:
        """The next frame, within `limit_s` on the clock and until the child has used `busy_s` in all."""
        end = time.monotonic() + limit_s
        while True:
            try:
                reply = self._replies.get(timeout=min(0.25, max(0.01, end - time.monotonic())))
            except queue.Empty:
                memory_mb, used_s = _used(self._child.pid)
                if time.monotonic() >= end or used_s > busy_s:
                    raise SandboxFailure("time") from None
                if memory_mb > most_mb:
                    raise SandboxFailure("memory") from None
                continue
            if reply is None:
                raise SandboxFailure("crash")
            return reply


def _pump(pipe: BinaryIO, replies: queue.Queue) -> None:
    """Reads the child's frames in a thread of its own, so that waiting for one can time out."""
    try:
        while (frame := _receive(pipe)) is not None:
            replies.put(frame)
    except (OSError, ValueError):
        pass
    replies.put(None)


def _used(pid: int) -> tuple[float, float]:
    """Megabytes and processor seconds of a process so far; zeros when it is gone.

    Pages of files that it has mapped are not its own and do not count, where the platform tells them apart.
    """
    try:
        process = psutil.Process(pid)
        times, memory = process.cpu_times(), process.memory_info()
        return (memory.rss - getattr(memory, "shared", 0)) / 2**20, times.user + times.system
    except psutil.Error:
        return 0.0, 0.0


def _send(pipe: BinaryIO, header: dict, payload: bytes | memoryview) -> None:
    text = json.dumps(header).encode()
    pipe.write(_FRAME.pack(len(text), len(payload)) + text)
    pipe.write(payload)
    pipe.flush()


def _receive(pipe: BinaryIO, limit: int = 2**30) -> tuple[dict, bytes] | None:
    head = pipe.read(_FRAME.size)
    if len(head) < _FRAME.size:
        return None
    header_length, length = _FRAME.unpack(head)
    if header_length > MAX_HEADER or length > limit:
        raise ValueError("frame too long")
    text, body = pipe.read(header_length), pipe.read(length)
    if len(text) < header_length or len(body) < length:
        return None
    header = json.loads(text)
    if not isinstance(header, dict):
        raise ValueError("frame without a header")
    return header, body


_shared: dict[str, Sandbox] = {}
_shared_lock = threading.Lock()


def shared_sandbox(module: str = PICTURES) -> Sandbox:
    """The process's own sandbox of a kind: one child for all its files, ended with the process."""
    with _shared_lock:
        if module not in _shared:
            _shared[module] = Sandbox(module=module)
            atexit.register(_shared[module].close)
        return _shared[module]


def limit(**values: int) -> None:
    """Sets limits of this process by their names (AS=…, DATA=…, in bytes), where the platform has them.

    No core file and no other file is written from now on.
    """
    try:
        import resource
    except ImportError:  # Windows: the parent's watch over resident memory and time still holds
        return
    for name, value in (*values.items(), ("CORE", 0), ("FSIZE", 0)):
        with contextlib.suppress(ValueError, OSError, AttributeError):
            what = getattr(resource, f"RLIMIT_{name}")
            resource.setrlimit(what, (value, resource.getrlimit(what)[1]))


def _answer(header: dict, payload: bytes) -> tuple[dict, bytes | memoryview]:
    from explorer.images import parse, sandbox_decode
    name = str(header.get("name", ""))
    try:
        if header["op"] == "decode":
            rgb, kind, notes = sandbox_decode.decode(payload, name=name)
            reply = {"format": kind, "height_px": rgb.shape[0], "width_px": rgb.shape[1], "notes": notes}
            return reply, memoryview(rgb).cast("B")
        return {"parsed": parse.parse(payload)}, b""
    except ExplorerError as error:
        return {"refused": error.packed()}, b""


def memory_bytes() -> int:
    """What the parent lets this child have."""
    return int(os.environ.get("AFTERIMAGE_SANDBOX_MB", MEMORY_MB)) * 2**20


def serve(answer: Callable[[dict, bytes], tuple[dict, bytes | memoryview]]) -> None:
    """The child's loop: one reply a request, until the parent goes."""
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints must not break the frames
    _send(sink, {"ready": True}, b"")
    while True:
        idle = threading.Timer(IDLE_S, os._exit, args=(0,))
        idle.daemon = True
        idle.start()
        frame = _receive(source)
        idle.cancel()
        if frame is None:
            return
        _send(sink, *answer(*frame))


def _pictures() -> None:
    import numpy  # noqa: F401  loaded before the limit, which counts address space
    from PIL import Image
    Image.preinit()
    from explorer.images import parse, sandbox_decode  # noqa: F401
    limit(AS=memory_bytes())
    serve(_answer)


if __name__ == "__main__":
    _pictures()
