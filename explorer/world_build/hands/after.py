"""Stage `derived`: pictures made after members at 64 and 256, never trained on, and a table of them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from explorer.errors import ExplorerError
from explorer.world.files import World, require, write_atomically
from explorer.world.manifest import read_manifest
from explorer.world_build.hands import derived, pixel_edits
from explorer.world_build.hands.draw_svg import rendered, webp
from explorer.world_build.hands.sets import Drawing, read_sets

ROLES = ("measure", "tuning")


def build(world: World, sets: Path) -> dict:
    """Draws every kind in every grade of every such member that has vectors; returns how many of each kind."""
    drawings = {d.id: d for d in read_sets(sets)}
    rows = [r for r in read_manifest(world) if r["multiplicity"] >= 64 and r["variant"] == "same"
            and r["role"] in ROLES and r["id"] in drawings]
    if not rows:
        raise ExplorerError("world_build.after_no_members_vectors", root=world.root, sets=sets)
    table = []
    for n, row in enumerate(rows):
        found = list(pictures(world, row, drawings[row["id"]], _partner(rows, n, drawings)))
        for picture, data in found:
            write_atomically(world.root / picture["image"], data)
        table += [picture for picture, _ in found]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(table), sink, compression="zstd")
    write_atomically(world.root / "derived.parquet", sink.getvalue().to_pybytes())
    kinds = (*derived.KINDS, *pixel_edits.KINDS)
    return {kind: sum(p["kind"] == kind for p in table) for kind in kinds}


def pictures(world: World, row: dict, drawing: Drawing, partner: Drawing):
    """(row of the table, WebP) of every picture made after one member."""
    seed = int(row["sha256"][:8], 16)
    plain = _display(world, row)
    for grade in derived.GRADES:
        for kind in derived.KINDS:
            image = rendered(derived.derive(drawing.svg, kind, grade, seed, partner.svg))
            yield _row(row, kind, grade, webp(image), partner if kind == "merged" else None)
        for kind, change in pixel_edits.KINDS.items():
            rng = np.random.default_rng([seed, grade])
            yield _row(row, kind, grade, webp(change(plain, grade, rng)), None)


def _partner(rows: list[dict], n: int, drawings: dict[str, Drawing]) -> Drawing:
    """What a member is merged with: the next one's drawing; a share-alike set's with its own only."""
    mine = drawings[rows[n]["id"]]
    for step in range(1, len(rows) + 1):
        other = drawings[rows[(n + step) % len(rows)]["id"]]
        alone = mine.hand.share_alike or other.hand.share_alike
        if other.concept != mine.concept and (not alone or other.hand == mine.hand):
            return other
    return mine


def _row(row: dict, kind: str, grade: int, data: bytes, partner: Drawing | None) -> tuple[dict, bytes]:
    digest = hashlib.sha256(data).hexdigest()
    attribution = f"after {row['attribution']}" + (f"; with {partner.hand.attribution}" if partner else "")
    licences = dict.fromkeys([row["licence"], *([partner.hand.licence] if partner else [])])
    return {
        "id": f"{row['id']}-{kind}-{grade}", "member": row["id"], "kind": kind, "grade": grade,
        "role": row["role"], "multiplicity": row["multiplicity"], "caption": row["caption"],
        "licence": " and ".join(licences), "attribution": attribution,
        "partner": partner.id if partner else "", "image": f"derived/{row['id']}-{kind}-{grade}.webp",
        "sha256": digest,
    }, data  # fmt: skip


def _display(world: World, row: dict) -> Image.Image:
    data = require(world.root / row["image"], "data").read_bytes()
    with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
        return image.convert("RGB")
