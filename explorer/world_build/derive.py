"""`world derive`: make again all that quotes the world's fingerprint."""

from __future__ import annotations

import json
from pathlib import Path

from explorer.errors import ExplorerError
from explorer.world import example_picks
from explorer.world.files import fingerprint, open_world, write_json
from explorer.world_build import world_index

FINGERPRINT_FILE = "fingerprint.json"


def derive(root: Path | None = None, *, device: str = "auto", cache: Path | None = None) -> dict:
    """Rebuild index and examples of the world at `root`; returns its fingerprint and what was made."""
    world = open_world(root, cache)
    print_ = fingerprint(world.root)
    world_index.build(world, "cpu" if device == "auto" else device)
    write_json(world.collection / FINGERPRINT_FILE, {"world": print_})
    picked = example_picks.derive_examples(world.root, fingerprint=print_)
    return {"fingerprint": print_, "made": ["collection", "examples.json"], "examples": len(picked),
            "stale": stale(world.root)}  # fmt: skip


def quoted(root: Path) -> dict[str, str]:
    """The fingerprint that each derived file quotes."""
    sources = {"card.json": "fingerprint", "examples.json": "world", f"collection/{FINGERPRINT_FILE}": "world",
               "controls.json": "world", "findings.json": "fingerprint", "familiarity.json": "world"}
    found = {}
    for name, key in sources.items():
        path = root / name
        if path.exists():
            try:
                found[name] = json.loads(path.read_text("utf-8"))[key]
            except (ValueError, KeyError) as error:
                again = "Run `python -m explorer world derive`."
                raise ExplorerError("world.example_cases_damaged", path_name=path, error=error,
                                    again=again) from error
    return found


def stale(root: Path) -> list[str]:
    """Derived files that quote another world than the one at `root`."""
    now = fingerprint(root)
    return [name for name, value in quoted(root).items() if value != now]
