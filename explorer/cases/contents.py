"""What a package holds besides blobs: files made from the log alone, so that `verify` can make them again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator

from explorer.cases.log import LogEntry, line_of
from explorer.cases.recipes_text import png_with_recipe, recipe_json
from explorer.cases.snapshot import Snapshot
from explorer.records.canonical import canonical

FORMAT = 1
EXPORT = "export"  # the kind of the log entry that every export leaves, with the SHA-256 of its reports
LOG, CASE, README, SCORES = "log.jsonl", "case.json", "README.txt", "scores.csv"
METADATA = "ro-crate-metadata.json"
TEXT = """This is an evidence package: one investigation of how close an image-generating model comes to an
image.

log.jsonl       every step, each entry chained to the one before it by SHA-256
case.json       what the case is about, and the last entry's number and hash
records/        subjects, prompts, neighbours, plans, efforts, environments and findings, as JSON
recipes/        for every exhibit, all that is needed to make it again
exhibits/       the exhibits as PNG, each with its recipe inside
scores.csv      every replay that was made, not only the best, with all its scores
blobs/          every file that the log names, under its SHA-256

A program that reads this package checks it with: python -m explorer verify PACKAGE
A consistent package without an outside time stamp could have been made anew as a whole by its holder.
Similarity is not proof of training use, and "not found with this effort" is not "not there".
"""


def derived(case: Snapshot) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every file that follows from the log."""
    yield LOG, b"".join(line_of(e) + b"\n" for e in case.entries)
    entry, mark = case.head()
    yield CASE, _pretty({"format": FORMAT, "case": case.id, "facts": case.meta(),
                         "head": {"entry": entry, "hash": mark}})
    yield README, TEXT.encode()
    for kind, stored in case.stored().items():
        yield f"records/{kind}.json", _pretty(stored)
    yield SCORES, _scores(case)
    for replay in case.exhibits():
        yield f"recipes/{replay.id}.json", recipe_json(replay.recipe).encode()
        yield f"exhibits/{replay.id}.png", png_with_recipe(case.blob(replay.image_sha256), replay.recipe)


def blob_names(entries: Iterable[LogEntry]) -> set[str]:
    """SHA-256 of every blob that the log names."""
    return {name for entry in entries for name in entry.body.get("blobs", ())}


def _scores(case: Snapshot) -> bytes:
    rows = case.replays(order_by="time", limit=-1)
    names = sorted({name for r in rows for name in r.closeness})
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["replay", "subject", "search", "exhibit", "seed", "steps", "guidance", "scheduler",
                    "strength", "unet_evaluations", "image_sha256", *names])
    for r in rows:
        recipe, given = r.recipe, r.closeness
        table.writerow([r.id, r.subject_id, r.search_id, int(r.exhibit), recipe.seed, recipe.steps,
                        _number(recipe.guidance), recipe.scheduler, _number(recipe.strength),
                        r.unet_evaluations, r.image_sha256, *(_number(given.get(name)) for name in names)])
    return out.getvalue().encode()


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _pretty(value: object) -> bytes:
    plain = json.loads(canonical(value))
    return json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
