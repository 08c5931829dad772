"""Small records for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from explorer.cases import contents
from explorer.cases.archive import write_archive
from explorer.cases.log import check_chain, line_of
from explorer.cases.package import Package
from explorer.cases.snapshot import Snapshot
from explorer.records import ModelRef, Recipe, Replay, Subject, recipe_digest


def make_subject(**fields) -> Subject:
    return Subject(**({"id": "s", "name": "door.png", "sha256": "a" * 64, "pixels_sha256": "b" * 64,
                       "format": "PNG", "width_px": 8, "height_px": 8, "origin": "upload"} | fields))


def make_recipe(**fields) -> Recipe:
    return Recipe(**({"model": ModelRef("world", "f" * 64, "sd1"), "prompt": "a red door", "seed": 1,
                      "steps": 10, "guidance": 7.5, "scheduler": "euler", "width_px": 8, "height_px": 8}
                     | fields))


def make_replay(*, seed: int, closeness: dict | None = None, **fields) -> Replay:
    recipe = make_recipe(seed=seed)
    return Replay(**({"id": recipe_digest(recipe)[:16], "subject_id": "s", "search_id": "q", "recipe": recipe,
                      "image_sha256": "c" * 64, "closeness": closeness or {"tiled_l2": 0.5},
                      "unet_evaluations": 20, "elapsed_s": 0.5} | fields))


def rebuild(package: Path, target: Path, forge: Callable | None = None, *,
            forge_files: Callable | None = None, keep_seal: bool = False) -> Path:
    """A package with another log, or other files, whose bag and ZIP are made anew so that they fit."""
    with Package(package) as old:
        files = {n: old.read(n) for n in old.names if keep_seal or not n.startswith("seal/")}
        root, entries = old.root, list(old.entries)
    if forge is not None:
        entries = forge(entries)
        case = Snapshot(root.rstrip("/"), entries, lambda name: files[f"data/blobs/{name[:2]}/{name}"]) \
            if check_chain(entries) == () else None
        files["data/log.jsonl"] = b"".join(line_of(e) + b"\n" for e in entries)
        if case is not None:
            files |= {f"data/{n}": data for n, data in contents.derived(case)}
    if forge_files is not None:
        forge_files(files)
    payload = sorted(n for n in files if n.startswith("data/"))
    files["manifest-sha256.txt"] = _manifest(files, payload, "  ")
    tags = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"]
    files["tagmanifest-sha256.txt"] = _manifest(files, tags, " ")
    write_archive(target, [(root + n, data) for n, data in files.items()])
    return target


def _manifest(files: dict[str, bytes], names: list[str], gap: str) -> bytes:
    return "".join(f"{hashlib.sha256(files[n]).hexdigest()}{gap}{n}\n" for n in names).encode()
