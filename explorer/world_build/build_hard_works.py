"""Pictures on which a test errs most easily, never trained on, each tied to a work seen 64 or 256 times.

Derived pictures are made from such a work's vectors and pixels, in three grades. Look-alikes show the same thing by
another artist: emoji of free sets, and works of the library that are held out. Doubles are near copies that the
draw left out of the pool. A quarter of the works that they belong to is kept for tuning.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from explorer.closeness.tiled import tiled_distance
from explorer.errors import ExplorerError
from explorer.world.files import World, require, write_atomically
from explorer.world.hard_works import ORDER
from explorer.world.manifest import read_manifest, small
from explorer.world_build import svg_metadata
from explorer.world_build.data import readable, work_id
from explorer.world_build.hands import derived, near, pixel_edits
from explorer.world_build.hands.draw_svg import rendered, webp
from explorer.world_build.hands.sets import Drawing, fetch, read_sets

SAME_DRAWING = 0.15  # tiled distance up to which our drawing of a file's vectors is the packaged picture
HANDS_EACH = 6
SMALL_WORDS = {"and", "the", "for", "with", "iii", "icon", "simple", "generic", "clipart"}
UNSEEN = ("test", "control", "tuning", "reserve")
OCA = "Public domain (Open Clip Art Library 0.18)"


def build(world: World, source_root: Path, sets: Path | None = None) -> dict[str, int]:
    """Writes the table beside the manifest; returns how many pictures each group has.

    `source_root` holds the openclipart packages; the emoji sets are fetched into `sets` where it lacks them.
    """
    rows = read_manifest(world)
    sets = sets or world.cache / "npm"
    fetch(sets)
    members = [r for r in rows if r["multiplicity"] >= 64]
    if not members:
        raise ExplorerError("world_build.after_no_members_vectors", root=world.root, sets=source_root)
    table = [*_derived(world, members, source_root), *_look_alikes(world, rows, members, read_sets(sets)),
             *_doubles(rows, source_root)]
    table.sort(key=lambda r: (ORDER.index(r["group"]), r["id"]))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(table), sink, compression="zstd")
    write_atomically(world.hard_works, sink.getvalue().to_pybytes())
    return {group: sum(r["group"] == group for r in table) for group in ORDER}


def _derived(world: World, members: list[dict], source_root: Path) -> Iterator[dict]:
    drawings = {r["id"]: svg for r in members if (svg := _vectors(world, r, source_root))}
    able = [r for r in members if r["id"] in drawings]
    for n, row in enumerate(able):
        seed = int(row["sha256"][:8], 16)
        partner = able[(n + 1) % len(able)]
        with Image.open(world.root / row["image"], formats=["WEBP"]) as opened:
            plain = opened.convert("RGB")
        for grade in derived.GRADES:
            for kind in derived.KINDS:
                svg = derived.derive(drawings[row["id"]], kind, grade, seed, drawings[partner["id"]])
                yield _row("derived", row, row, webp(rendered(svg)), kind, grade)
            for kind, change in pixel_edits.KINDS.items():
                made = change(plain, grade, np.random.default_rng([seed, grade]))
                made.thumbnail((128, 128), Image.Resampling.LANCZOS)
                yield _row("derived", row, row, webp(made), kind, grade)


def _vectors(world: World, row: dict, source_root: Path) -> str | None:
    """A work's SVG with a view box and colours as attributes; None where we draw it otherwise than the package."""
    path = source_root / "svg" / row["source"].removeprefix("openclipart/svg/")
    try:
        svg = plain_svg(require(path, "data").read_text("utf-8", errors="replace"))
        drawn = np.asarray(rendered(svg, 256).resize((64, 64), Image.Resampling.BOX))
    except (ET.ParseError, ValueError):
        return None
    shown = small(world.root / row["image"])
    far = tiled_distance(drawn[None].astype(np.float32) / 255, shown.astype(np.float32) / 255)[0]
    return svg if far < SAME_DRAWING else None


def plain_svg(svg: str) -> str:
    """The same drawing with a view box, and with presentation attributes in place of inline styles.

    ValueError where it names no size.
    """
    root = ET.fromstring(svg)
    if root.get("viewBox") is None:
        width, height = (re.match(r"[\d.]+", root.get(side, "")) for side in ("width", "height"))
        if width is None or height is None:
            raise ValueError("the drawing names no size")
        root.set("viewBox", f"0 0 {width[0]} {height[0]}")
    root.set("viewBox", " ".join(re.split(r"[\s,]+", root.get("viewBox", "").strip())))
    for element in root.iter():
        for declaration in element.attrib.pop("style", "").split(";"):
            name, _, value = declaration.partition(":")
            if value and re.fullmatch(r"[a-z-]+", name.strip()):
                element.set(name.strip(), value.strip())
    return ET.tostring(root, encoding="unicode")


def _look_alikes(world: World, rows: list[dict], members: list[dict], drawings: list[Drawing]) -> Iterator[dict]:
    by_concept: dict[str, list[Drawing]] = defaultdict(list)
    for drawing in drawings:
        if not drawing.hand.share_alike:
            by_concept[drawing.title.lower()].append(drawing)
    unseen = [r for r in rows if r["split"] in UNSEEN]
    for member in members:
        words = title_words(member["title"])
        for drawing in next((by_concept[c] for c in concepts(words) if c in by_concept), [])[:HANDS_EACH]:
            yield _row("look_alikes", member, {
                "id": drawing.id, "creator": drawing.hand.creator, "licence": drawing.hand.licence,
                "source": drawing.hand.package, "attribution": drawing.hand.attribution,
                "caption": svg_metadata.caption(drawing.title, drawing.hand.creator, drawing.keywords),
            }, webp(rendered(drawing.svg)), drawing.hand.key)
        for other in unseen:
            if other["creator"] != member["creator"] and same_thing(words, title_words(other["title"])):
                yield _row("look_alikes", member, other, (world.root / other["image"]).read_bytes(), "oca")


def title_words(title: str) -> list[str]:
    """The words of a title that say what is shown, in order."""
    return [w for w in re.findall(r"[a-z]+", title.lower()) if len(w) > 2 and w not in SMALL_WORDS]


def concepts(words: list[str]) -> list[str]:
    """What a title may be a picture of: all of its words, and the last one, each also without a plural's s."""
    found = [" ".join(words), *words[-1:]]
    return [form for name in found if name for form in (name, name.removesuffix("s"))]


def same_thing(one: list[str], other: list[str]) -> bool:
    """Whether two titles share at least half of their words and end alike."""
    a, b = set(one), set(other)
    return bool(a and b) and one[-1] == other[-1] and 2 * len(a & b) >= len(a | b)


def _doubles(rows: list[dict], source_root: Path) -> Iterator[dict]:
    """Works that the draw left out because they look like one that was trained on sixteen times or more."""
    by_id = {r["id"]: r for r in rows}
    works, copies = readable(source_root)
    ids = [work_id(m.source) for m in works]
    for pair in near.alike(np.stack([small(c) for c in copies])):
        for i, j in (pair, pair[::-1]):
            member = by_id.get(ids[j])
            if ids[i] not in by_id and member and member["multiplicity"] >= 16:
                meta = svg_metadata.presentable(works[i])
                yield _row("doubles", member, {
                    "id": ids[i], "creator": meta.creator, "licence": OCA,
                    "source": f"openclipart/svg/{meta.source}",
                    "caption": svg_metadata.caption(meta.title, meta.creator, meta.keywords)}, copies[i])


def _row(group: str, member: dict, work: dict, picture: bytes, kind: str = "", grade: int = 0) -> dict:
    name = "-".join(p for p in (work["id"], kind if group == "derived" else "", str(grade or "")) if p)
    return {
        "id": name if group == "derived" else f"{name}~{member['id']}",
        "group": group, "kind": kind, "grade": grade,
        "member": member["id"], "multiplicity": member["multiplicity"],
        "role": "tuning" if int(hashlib.sha256(member["id"].encode()).hexdigest(), 16) % 4 == 0 else "test",
        "caption": work["caption"], "creator": work["creator"], "licence": work["licence"],
        "attribution": work.get("attribution", ""), "source": work["source"], "picture": picture,
        "sha256": hashlib.sha256(picture).hexdigest(),
    }  # fmt: skip


__all__ = ["build", "concepts", "plain_svg", "same_thing", "title_words"]
