"""Forgeries of packages: bytes, log entries, whole chains; and exhibits rendered again from a package."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from explorer.cases.log import LogEntry, hash_of
from explorer.cases.store import CaseStore
from explorer.cases.verify import verify_package
from explorer.jobs import foreground, launch
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import ExportCase, GenerateSubject, RenderExhibit, ReplayPackage, RunSearch
from explorer.records import ReplaySettings
from explorer.settings import WORLD, load_settings
from tests.cases.made import rebuild

GOOD = ("sealed", "consistent")


def bytes_changed(count: int, packages: Sequence[Path], roots: list[bytes], dice: random.Random) -> int:
    """How many of so many single-byte changes at random places are detected."""
    seen = 0
    for number in range(count):
        package = packages[number % len(packages)]
        data, target = bytearray(package.read_bytes()), package.with_name("changed.zip")
        data[dice.randrange(len(data))] ^= dice.randrange(1, 256)
        target.write_bytes(data)
        seen += verify_package(target, roots=roots).state not in GOOD
    return seen


def log_edits(count: int, package: Path, roots: list[bytes], dice: random.Random) -> int:
    """How many dropped, added, swapped or changed entries are detected, in bags made anew to fit."""
    seen, target = 0, package.with_name("edited.zip")
    for number in range(count):
        rebuild(package, target, lambda entries, number=number: _edited(entries, number % 4, dice))
        seen += verify_package(target, roots=roots).state not in GOOD
    return seen


def _edited(entries: list[LogEntry], how: int, dice: random.Random) -> list[LogEntry]:
    out, at = list(entries), dice.randrange(len(entries) - 1)
    if how == 0:
        del out[at]
    elif how == 1:
        out.insert(at, dataclasses.replace(dice.choice(entries), kind="note"))
    elif how == 2:
        out[at], out[at + 1] = out[at + 1], out[at]
    else:
        out[at] = dataclasses.replace(out[at], actor="somebody else")
    return out


def chains(count: int, sealed: Path, roots: list[bytes], dice: random.Random) -> dict[str, int]:
    """Chains rebuilt whole, and chains with their tail cut off, under the old seal and without it."""
    found = dict.fromkeys(("chains_rebuilt", "chains_rebuilt_detected_where_sealed", "tails_cut",
                           "tails_cut_detected_where_sealed", "called_intact_without_seal"), 0)
    for name, forge in (("chains_rebuilt", _rebuilt), ("tails_cut", _cut)):
        for _ in range(count):
            target = sealed.with_name("forged.zip")
            rebuild(sealed, target, lambda e, forge=forge: forge(e, dice), forge_files=_orphans,
                    keep_seal=True)
            found[name] += 1
            found[f"{name}_detected_where_sealed"] += verify_package(target, roots=roots).state not in GOOD
            rebuild(sealed, target, lambda e, forge=forge: forge(e, dice), forge_files=_orphans)
            report = verify_package(target, roots=roots)
            intact = report.state == "sealed" or "intact" in report.sentence.lower()
            found["called_intact_without_seal"] += intact
    return found


def _orphans(files: dict[str, bytes]) -> None:
    """Takes out the blobs that a shortened log no longer names, as a careful forger would."""
    for name in [n for n in files if n.startswith("data/blobs/")]:
        if name.rpartition("/")[2].encode() not in files["data/log.jsonl"]:
            del files[name]


def _rebuilt(entries: list[LogEntry], dice: random.Random) -> list[LogEntry]:
    at = dice.randrange(len(entries))
    return _rehashed([dataclasses.replace(e, actor=f"x{dice.random()}") if i == at else e
                      for i, e in enumerate(entries)])


def _cut(entries: list[LogEntry], dice: random.Random) -> list[LogEntry]:
    return entries[:-dice.randint(1, len(entries) - 3)]


def _rehashed(entries: list[LogEntry]) -> list[LogEntry]:
    out, prev = [], "0" * 64
    for number, entry in enumerate(entries, 1):
        bare = dataclasses.replace(entry, seq=number, prev=prev)
        out.append(dataclasses.replace(bare, hash=hash_of(bare)))
        prev = out[-1].hash
    return out


def exhibits(count: int, folder: Path) -> dict[str, Any]:
    """A search, its exhibits, export, and every exhibit rendered again from the package, by the workers."""
    settings = load_settings(folder)
    model, clip = _model(folder)
    case = CaseStore(settings.cases).create("Exhibits")
    plain = ReplaySettings("a red house", seeds=max(count - 1, 1), steps=(8,))
    try:
        subject = foreground.run(settings, GenerateSubject(case.id, plain, model))["subject_id"]
        search = dataclasses.replace(plain, first_seed=100, strengths=(0.6,))
        foreground.run(settings, RunSearch(case.id, subject, new_search_id(), search, model, clip))
        for replay in case.replays(subject, limit=-1):
            foreground.run(settings, RenderExhibit(case.id, replay.id, model))
        package = foreground.run(settings, ExportCase(case.id, str(folder / "case.zip")))
        found = foreground.run(settings, ReplayPackage(package["path"], model))
    finally:
        launch.stop_workers(settings)
    return {"exhibits": found["exhibits"], "exhibits_identical": found["identical"],
            "exhibits_model": "world" if model == "world" else "a tiny one with random weights"}


def _model(folder: Path) -> tuple[str, str]:
    """The bundled world, else a tiny model and CLIP with random weights."""
    if (WORLD / "diffusion" / "model_index.json").is_file() and (WORLD / "clip").is_dir():
        return "world", "world"
    from tests.clip.conftest import write_clip
    from tests.diffusion import tiny
    tiny.pipeline("sd1-tiny", folder / "tokens").save_pretrained(folder / "model", safe_serialization=True)
    return str(folder / "model"), str(write_clip(folder / "clip"))
