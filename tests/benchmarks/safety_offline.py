"""The whole loop, offline, with a guard in every Python process of it: what was asked of the network.

The guard is an audit hook that Python itself calls before it looks up a name, connects or sends; it sees
the command, its workers and whatever they start with the same search path. Native code that makes system
calls of its own is not seen by it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from explorer.images.decode import png_bytes
from tests.pages.filled import picture

ROOT = Path(__file__).resolve().parents[2]
GUARD = '''
import os, socket, sys
NEAR = ("127.", "::1", "localhost", "0.0.0.0")
def watch(event, given):
    place = ""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg") and given[-1]:
        address = given[-1]
        place = str(address[0]) if isinstance(address, tuple) else ""
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        place = str(given[0] or "")
    if place and not place.startswith(NEAR):
        with open(os.environ["GUARD_TO"], "a") as out:
            out.write(f"{os.getpid()} {event} {place}\\n")
sys.addaudithook(watch)
with open(os.environ["GUARD_TO"] + ".pids", "a") as out:
    out.write(f"{os.getpid()}\\n")
'''


def prove(folder: Path, *, timeout_s: float = 1500.0) -> dict[str, Any]:
    """Runs `investigate` on a picture in a new workspace; counts looks and connections beyond this computer."""
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(GUARD)
    (folder / "ball.png").write_bytes(png_bytes(picture()))
    environment = {**os.environ, "AFTERIMAGE_HOME": str(folder / "home"), "GUARD_TO": str(folder / "asked"),
                   "PYTHONPATH": os.pathsep.join((str(folder / "guard"), str(ROOT)))}
    environment.pop("HF_HUB_OFFLINE", None)  # the program's own switch is what is tried
    command = [sys.executable, "-m", "explorer", "investigate", str(folder / "ball.png"), "--seeds", "2", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s)
    asked = (folder / "asked").read_text().splitlines() if (folder / "asked").exists() else []
    for line in asked[:20]:
        print("asked:", line, flush=True)
    last = done.stdout.strip().splitlines()[-1:] or ["{}"]
    if done.returncode:
        print(done.stderr[-500:], flush=True)
    watched = len(set((folder / "asked.pids").read_text().split()))
    return {"loop_ended_well": done.returncode == 0 and bool(json.loads(last[0])), "processes_watched": watched,
            "offline_loop_requests": len(asked)}
