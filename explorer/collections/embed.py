"""The embedding half of a build; runs where the encoder is loaded and imports no model itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from explorer.collections.parts import IndexPart, IndexParts, read_card, write_card
from explorer.collections.picture_batches import Encodes, Looked, LooksHere, Pictures
from explorer.collections.picture_sources import FIELDS, PictureFile, list_items
from explorer.errors import ExplorerError
from explorer.records import Progress
from explorer.run import QUIET, Engine, Run
from explorer.texts import say

SMALLEST_PART = 128  # pictures that an ended build embeds again at most, or a sixteenth of what is done
LARGEST_PART = 8_192
BATCH = 32


@dataclass(frozen=True)
class EmbedReport:
    """What an embedding run did. `refused` lists files with the reason; they are not tried again
    until they change."""

    works: int
    embedded: int
    kept: int
    dropped: int
    refused: tuple[tuple[str, str], ...]
    elapsed_s: float


def embed_folder(folder: Path, out: Path, encoder: Encodes, *, clip: str, engine: Engine | None = None,
                 run: Run = QUIET) -> EmbedReport:
    """Embeds the new and changed pictures below `folder` into `out`.

    The `engine` does the batches of pictures elsewhere; without it they are done here, by `encoder`.

    Writes clip-retrieval's embedding layout in parts, so that an ended run resumes and repeats at most
    one part. Rows of pictures that are gone or changed are taken out. Bad files are listed, not fatal.
    ExplorerError when `out` was made with another CLIP, or nothing could be embedded.
    """
    begun = time.monotonic()
    folder, out = folder.resolve(), out.resolve()
    card = _card(out, folder, encoder, clip)
    items = list_items(folder, without=out)
    parts = IndexParts(out)
    parts.sweep()
    known, dropped = _prune(parts, {i.key: i.state for i in items})
    refused = {k: v for k, v in card.get("refused", {}).items()
               if {i.key: i.state for i in items}.get(k) == v[0]}
    new = [i for i in items if i.key not in known and i.key not in refused]
    card["texts"] = card.get("texts", any("caption" in i.said for i in items))
    write_card(out, {**card, "refused": refused})
    made = _embed(new, parts, encoder, card, refused, out, len(known), engine or LooksHere(encoder), run)
    if not known and not made:
        raise ExplorerError("collections.embed_none_pictures_read", items_count=len(items), folder=folder,
                            last_refused=next(iter(refused.values()), ("", "unknown"))[1])
    listed = tuple(sorted((k, v[1]) for k, v in refused.items()))
    return EmbedReport(len(known) + made, made, len(known), dropped, listed, time.monotonic() - begun)


def _card(out: Path, folder: Path, encoder: Encodes, clip: str) -> dict[str, Any]:
    card = read_card(out)
    same = (encoder.fingerprint, getattr(encoder, "images_fingerprint", None))  # older builds quote the second
    if card and card.get("clip_fingerprint") not in same:
        raise ExplorerError("collections.embed_made_clip_not", out=out, clip=card.get("clip", "of another name"),
                            wanted=clip)
    if card and card.get("root") != str(folder):
        raise ExplorerError("collections.embed_holds_collection_not", out=out, root=card.get("root"), folder=folder)
    return {"name": folder.name, **card, "root": str(folder), "clip": clip, "dim": encoder.dim,
            "clip_fingerprint": encoder.fingerprint}


def _prune(parts: IndexParts, states: dict[str, str]) -> tuple[set[str], int]:
    """Takes out rows whose picture is gone or changed; returns the keys that stay, and how many went."""
    known: set[str] = set()
    dropped = 0
    for number in parts.numbers():
        rows = parts.rows(number, ["id", "state"])
        kept = [i for i, r in enumerate(rows) if states.get(r["id"]) == r["state"] and r["id"] not in known]
        known |= {rows[i]["id"] for i in kept}
        if len(kept) < len(rows):
            dropped += len(rows) - len(kept)
            parts.drop(number, kept)
    return known, dropped


def _embed(new: list[PictureFile], parts: IndexParts, encoder: Encodes, card: dict[str, Any],
           refused: dict[str, Any], out: Path, before: int, engine: Engine, run: Run) -> int:
    made, at, begun = 0, 0, time.monotonic()

    def seen(done: int) -> None:
        left = (time.monotonic() - begun) / done * (len(new) - done)
        run.report(Progress(done, len(new), say("progress.reading_pictures"), left_s=left))

    while at < len(new):
        size = min(LARGEST_PART, max(SMALLEST_PART, (before + made) // 16))
        rows, images, texts, marks = [], [], [], []
        for items, looked in _looked(new[at:at + size], engine, refused, run, lambda n, at=at: seen(at + n)):
            good = [items[place] for place in looked.good]
            images.append(looked.images)
            marks.append(looked.marks)
            rows += [_row(item, facts) for item, facts in zip(good, looked.facts, strict=True)]
            texts += [_caption(item) for item in good]
            refused |= {items[place].key: (items[place].state, why) for place, why in looked.refused.items()}
        at += size
        if rows:
            arrays = {"image": np.concatenate(images).astype(np.float16), "signature": np.concatenate(marks)}
            if card["texts"]:
                arrays["text"] = encoder.encode_texts(texts).astype(np.float16)
            parts.write(IndexPart(rows, arrays), (parts.numbers() or [-1])[-1] + 1)
        made += len(rows)
        write_card(out, {**card, "refused": refused})
    run.report(Progress(len(new), len(new), say("progress.embedded")))
    return made


def _looked(chunk: list[PictureFile], engine: Engine, refused: dict[str, Any], run: Run,
            on_seen: Callable[[int], None]) -> list[tuple[list[PictureFile], Looked]]:
    """Each batch with what was seen of it, in order; `on_seen` hears how many pictures are done."""
    batches: dict[int, list[PictureFile]] = {}
    found: dict[int, Looked] = {}

    def units() -> Iterator[Pictures]:
        for first in range(0, len(chunk), BATCH):
            read = list(_read(chunk[first:first + BATCH], refused))
            batches[first] = [item for item, _ in read]
            if read:
                yield Pictures(first, tuple(PurePosixPath(i.key).name for i, _ in read), tuple(b for _, b in read))

    def made(pictures: Pictures, looked: Looked) -> None:
        found[pictures.number] = looked
        on_seen(sum(len(batches[n]) for n in found))

    engine.run(units(), made, run=run)
    return [(batches[n], found[n]) for n in sorted(found)]


def _read(items: Sequence[PictureFile], refused: dict[str, Any]) -> Iterator[tuple[PictureFile, bytes]]:
    for item in items:
        try:
            yield item, item.read()
        except ExplorerError as error:
            refused[item.key] = (item.state, str(error))


def _row(item: PictureFile, facts: tuple[str, int, int]) -> dict[str, Any]:
    words = {f: item.said.get(f, "") for f in FIELDS}
    words["title"] = words["title"] or PurePosixPath(item.key).stem
    return {"id": item.key, **words, "image_path": item.key if item.offset < 0 else "", "state": item.state,
            "sha256": facts[0], "width_px": facts[1], "height_px": facts[2],
            "multiplicity": 0}  # not known before near copies are looked for


def _caption(item: PictureFile) -> str:
    return item.said.get("caption") or item.said.get("title") or PurePosixPath(item.key).stem
