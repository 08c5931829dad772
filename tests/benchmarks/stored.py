"""Results of benchmarks that are kept with the world, with when, from which code and on what they were measured."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from explorer.settings import WORLD
from explorer.world.files import fingerprint

ROOT = Path(__file__).resolve().parents[2]
RESULTS = WORLD / "results"


def store(name: str, result: dict[str, Any], *, parts: Sequence[str] = ("whole",), folder: Path = RESULTS) -> Path:
    """Writes `result` into the results of the benchmark `name`; other keys that stand there stay.

    `parts` are those that ran: each says when, from which commit and on what, for a result may be made in parts.
    """
    path = folder / f"{name}.json"
    kept = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    made = made_by()
    whole = {**kept, **result, "made": kept.get("made", {}) | dict.fromkeys(parts, made)}
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", "utf-8")
    return path


def stored(name: str, *, folder: Path = RESULTS) -> str:
    """The last result as one line of JSON; FileNotFoundError where none was stored."""
    return json.dumps(json.loads((folder / f"{name}.json").read_text("utf-8")), sort_keys=True)


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--store` and `--stored`, which every benchmark of over a minute has."""
    parser.add_argument("--store", action="store_true", help="keep the result")
    parser.add_argument("--stored", action="store_true", help="print the last result and measure nothing")


def conclude(name: str, result: dict[str, Any], given: argparse.Namespace, *,
             parts: Sequence[str] = ("whole",)) -> None:
    """Prints the result as the last line, and keeps it where that was asked for."""
    if given.store:
        store(name, result, parts=parts)
    print(stored(name) if given.store else json.dumps(result))


def made_by() -> dict[str, Any]:
    """Date, commit of the code (a plus where files differ from it), the world's fingerprint, and the machine."""
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {"date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "commit": commit + ("+" if changed else ""), "world": fingerprint(WORLD),
            "device": f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()}, "
                      f"Python {platform.python_version()}"}


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
