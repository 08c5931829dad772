"""Stage `data`: from the Debian packages to display copies and the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from explorer.errors import ExplorerError
from explorer.world.files import World, write_atomically
from explorer.world.manifest import small
from explorer.world_build import drawing, svg_metadata, truth
from explorer.world_build.truth import Label

Progress = Callable[[str, float, str], None]  # stage, fraction in [0, 1], message


def build_data(world: World, source_root: Path, draw: int, progress: Progress) -> None:
    """Write display copies and the manifest of one draw into the world's folder."""
    found = [m for m in svg_metadata.read_package(source_root) if svg_metadata.is_work(m)]
    works, copies, pixels = _pool(found, source_root, progress)
    if len(works) < 20:
        raise ExplorerError("world.data_only_usable_works", works_count=len(works), source_root=source_root)
    size = np.array([drawing.complexity_bytes(p) for p in pixels])
    labels = truth.draw([m.creator for m in works], size, draw)
    for meta, data in zip(works, copies, strict=True):
        write_atomically(world.root / image_name(meta), data)
    rows = [
        _row(meta, data, label, int(bytes_), source_root)
        for meta, data, label, bytes_ in zip(works, copies, labels, size, strict=True)
    ]
    _number_repeats(rows)
    _remove_others(world, {row["image"] for row in rows})
    _write_manifest(world, rows, draw)
    progress("data", 1.0, f"{len(rows)} works of {len(found)} candidates")


def readable(source_root: Path, found: list[svg_metadata.Metadata] | None = None,
             progress: Progress = lambda *_: None) -> tuple[list[svg_metadata.Metadata], list[bytes]]:
    """Works of the package that can be read, near copies included: metadata and display copies."""
    if found is None:
        found = [m for m in svg_metadata.read_package(source_root) if svg_metadata.is_work(m)]
    kept, copies, hashes = [], [], set()
    for n, meta in enumerate(found):
        png = png_of(source_root, meta)
        if png is None or (digest := hashlib.sha256(png.read_bytes()).digest()) in hashes:
            continue
        hashes.add(digest)
        data = drawing.display_copy(png)
        if data is not None and not drawing.near_blank(small(data)):
            kept.append(meta)
            copies.append(data)
        if n % 50 == 0:
            progress("data", 0.9 * n / len(found), f"drawn {len(kept)} works")
    return kept, copies


def _pool(found, source_root: Path, progress: Progress):
    """Readable works, one of each group: their metadata, display copies and 64 px pixels."""
    kept, copies = readable(source_root, found, progress)
    if not kept:
        return [], [], np.zeros((0, 64, 64, 3), np.uint8)
    pixels = np.stack([small(c) for c in copies])
    captions = [svg_metadata.caption(m.title, m.creator, m.keywords) for m in kept]
    group = truth.groups(captions, pixels)
    first = np.flatnonzero(group == np.arange(len(group)))
    return [kept[i] for i in first], [copies[i] for i in first], pixels[first]


def png_of(source_root: Path, meta: svg_metadata.Metadata) -> Path | None:
    """The packaged PNG of a work, or None where there is none or it is a link."""
    path = (source_root / "png" / meta.source).with_suffix(".png")
    return path if path.is_file() and not path.is_symlink() else None


def work_id(source: str) -> str:
    """Name of a work that stays the same over draws: from its path in the package."""
    return "oca-" + hashlib.sha256(source.encode()).hexdigest()[:8]


def image_name(meta: svg_metadata.Metadata) -> str:
    """Path of a display copy below the world's folder."""
    return f"works/{work_id(meta.source)}.webp"


def _row(meta, data: bytes, label: Label, complexity: int, source_root: Path) -> dict:
    png = png_of(source_root, meta)
    meta = svg_metadata.presentable(meta)
    return {
        "id": work_id(meta.source),
        "title": meta.title,
        "creator": meta.creator,
        "keywords": list(meta.keywords),
        "caption": svg_metadata.caption(meta.title, meta.creator, meta.keywords),
        "licence": "Public domain (Open Clip Art Library 0.18)",
        "source": f"openclipart/svg/{meta.source}",
        "image": image_name(meta),
        "sha256": hashlib.sha256(data).hexdigest(),
        "source_sha256": hashlib.sha256(png.read_bytes()).hexdigest(),
        "split": label.split,
        "multiplicity": label.multiplicity,
        "variant": label.variant,
        "complexity_bytes": complexity,
    }


def _number_repeats(rows: list[dict]) -> None:
    """Number the titles of captions that became equal when addresses were left out of them."""
    seen: dict[str, int] = {}
    for row in rows:
        key = row["caption"].lower()
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:
            row["title"] += f" {seen[key]}"
            row["caption"] = svg_metadata.caption(row["title"], row["creator"], tuple(row["keywords"]))


def _remove_others(world: World, images: set[str]) -> None:
    """Delete display copies that no row of the manifest names."""
    for path in world.works.glob("*.webp"):
        if f"works/{path.name}" not in images:
            path.unlink()


def _write_manifest(world: World, rows: list[dict], draw: int) -> None:
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(rows).replace_schema_metadata({"draw": str(draw)})
    pq.write_table(table, sink, compression="zstd")
    write_atomically(world.manifest, sink.getvalue().to_pybytes())


def labels_of(rows: list[dict]) -> list[Label]:
    """The draw as the manifest says it."""
    return [Label(r["split"], r["multiplicity"], r["variant"]) for r in rows]
