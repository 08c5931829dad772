"""Stage `data`: display copies and manifest of one draw."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from explorer.world.files import World, write_atomically
from explorer.world.manifest import read_manifest
from explorer.world_build import svg_metadata
from explorer.world_build.hands import plan
from explorer.world_build.hands.pool import OCA, CandidatePool, PoolWork, flatness


def build(world: World, pool: CandidatePool, number: int, strangers: frozenset[str]) -> dict:
    """Writes display copies and the manifest of draw `number`; returns how many works each split has."""
    labels = plan.draw(pool, number, strangers)
    shown = [i for i, label in enumerate(labels) if label.split != "reserve"]
    rows = [_row(pool.works[i], pool, i, labels[i]) for i in shown]
    _number_repeats(rows)
    for i, row in zip(shown, rows, strict=True):
        path = world.root / row["image"]
        if not path.exists() or path.read_bytes() != pool.works[i].copy:
            write_atomically(path, pool.works[i].copy)
    named = {Path(row["image"]).name for row in rows}
    for path in world.works.glob("*.webp"):
        if path.name not in named:
            path.unlink()
    write_atomically(world.root / "ATTRIBUTION.md", attribution(rows).encode())
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(rows).replace_schema_metadata({"draw": str(number)})
    pq.write_table(table, sink, compression="zstd")
    write_atomically(world.manifest, sink.getvalue().to_pybytes())
    return {"works": len(rows), "views": {str(m): n for m, n in plan.views(labels).items()},
            "much_seen_share": round(plan.much_seen_share(labels), 4)}


def attribution(rows: list[dict]) -> str:
    """Whose works these are and under which licence, as Markdown; each work's own line is in the manifest."""
    lines = ["# Works of this world", "", "Each work's creator, licence and source are in `manifest.parquet`,",
             "those of pictures made after works in `derived.parquet`.", "",
             "| set | works | licence | attribution |", "|---|---|---|---|"]
    for hand in sorted({r["hand"] for r in rows}):
        mine = [r for r in rows if r["hand"] == hand]
        said = OCA if hand == "oca" else mine[0]["attribution"]
        source = "openclipart" if hand == "oca" else mine[0]["source"].rsplit("/", 1)[0]
        lines.append(f"| `{source}` | {len(mine)} | {mine[0]['licence']} | {said} |")
    return "\n".join(lines) + "\n"


def strangers_of(world: World) -> frozenset[str]:
    """Identifiers of the works that the instruments of a world never saw."""
    return frozenset(r["id"] for r in read_manifest(world) if r["split"] == "stranger")


def _row(work: PoolWork, pool: CandidatePool, i: int, label: plan.Assignment) -> dict:
    pixels = pool.pixels[i]
    return {
        "id": work.id, "title": work.title, "creator": work.creator, "keywords": list(work.keywords),
        "caption": work.caption, "licence": work.licence, "attribution": work.attribution,
        "source": work.source, "image": work.image, "sha256": hashlib.sha256(work.copy).hexdigest(),
        "source_sha256": work.source_sha256, "hand": work.hand, "concept": work.concept,
        "split": label.split, "multiplicity": label.multiplicity, "variant": label.variant,
        "role": label.role, "seen": label.seen, "member": label.member,
        "complexity_bytes": pool.looks[i][1], "flatness": round(flatness(pixels), 4),
    }  # fmt: skip


def _number_repeats(rows: list[dict]) -> None:
    """Number the titles of equal captions: natural doubles may be called the same."""
    seen: dict[str, int] = {}
    for row in sorted(rows, key=lambda r: r["split"] != "train"):
        key = row["caption"].lower()
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:
            row["title"] += f" {seen[key]}"
            row["caption"] = svg_metadata.caption(row["title"], row["creator"], tuple(row["keywords"]))
