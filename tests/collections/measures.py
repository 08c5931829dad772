"""Measures of near copies on the bundled world: each runs in a process of its own, for the benchmark."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np

from tests.collections.planted import KINDS
from tests.collections.planted import plant as changed


def plant(base: Path, copies: int) -> dict:
    """The bundled world's works as files, and copies of some of them in eight kinds."""
    from PIL import Image

    from explorer.settings import WORLD

    folder = base / "pictures"
    folder.mkdir(parents=True)
    works = sorted((WORLD / "works").glob("*.webp"))[:3 * copies]
    kinds, rng = list(KINDS), np.random.default_rng(0)
    for path in works:
        shutil.copy(path, folder / path.name)
    for number, at in enumerate(rng.choice(len(works), min(copies, len(works)), replace=False)):
        kind = kinds[number % len(kinds)]
        with Image.open(works[at]) as image:
            copy = changed(np.asarray(image.convert("RGB")), kind, number)
        Image.fromarray(copy).save(folder / f"{works[at].stem}+{kind.replace(' ', '_')}.png")
    return {"planted": min(copies, len(works))}


def embed(base: Path) -> dict:
    """Embeds the planted folder with the bundled CLIP (torch; no faiss here)."""
    from explorer.clip.encoder import load_encoder
    from explorer.collections.embed import embed_folder

    report = embed_folder(base / "pictures", base / "built", load_encoder("world"), clip="world")
    return {"build_images_per_s": report.embedded / report.elapsed_s, "resumed_kept": report.kept,
            "resumed_embedded": report.embedded, "refused": len(report.refused)}


def duplicates(base: Path) -> dict:
    """Pairs joined by the duplicates search, against the pairs that were planted."""
    from explorer.collections.build import index_folder
    from explorer.collections.duplicates import find_duplicates
    from explorer.collections.open import open_collection

    index_folder(base / "built")
    collection = open_collection(str(base / "built"))
    begun = time.monotonic()
    report = find_duplicates(collection)
    elapsed = time.monotonic() - begun
    names = [Path(w.work_id).stem for w in collection.rows(range(collection.works))]
    row = {n: i for i, n in enumerate(names)}
    planted = [(row[n.split("+")[0]], i, n.split("+")[1]) for i, n in enumerate(names) if "+" in n]
    found = {kind: [] for *_, kind in planted}
    for source, copy, kind in planted:
        found[kind].append(report.group[source] == report.group[copy])
    right = sum(map(sum, found.values()))
    sizes = np.unique(report.group, return_counts=True)[1]
    joined = int((sizes * (sizes - 1) // 2).sum())
    return {"dup_recall": right / len(planted), "dup_precision": right / max(1, joined), "dup_pairs": joined,
            "dup_s": elapsed, "dup_recall_by_kind": {k: round(float(np.mean(v)), 3) for k, v in found.items()}}


def door_embed(base: Path, copies: int) -> dict:
    """Copies of members (to be flagged) and works never in the collection (to pass), with embeddings."""
    from PIL import Image

    from explorer.clip.encoder import load_encoder
    from explorer.collections.signatures import signature
    from explorer.images.prepare import fit_square
    from explorer.settings import WORLD
    from explorer.world.files import open_world
    from explorer.world.manifest import read_manifest

    rows = read_manifest(open_world(WORLD))
    rng = np.random.default_rng(0)
    members = [r for r in rows if r["split"] == "train"]
    others = [r for r in rows if r["split"] not in ("train", "stranger")]
    kinds = list(KINDS)

    def pixels(row: dict) -> np.ndarray:
        with Image.open(WORLD / row["image"]) as image:
            return np.asarray(image.convert("RGB"))

    chosen = [members[i] for i in rng.choice(len(members), min(copies, 400), replace=False)]
    pictures = [changed(pixels(r), kinds[n % len(kinds)], n) for n, r in enumerate(chosen)]
    pictures += [pixels(others[i]) for i in rng.choice(len(others), min(2 * copies, 800), replace=False)]
    encoder = load_encoder("world")
    np.savez(base / "door.npz", ids=[r["id"] for r in chosen], marks=np.stack([signature(p) for p in pictures]),
             vectors=encoder.encode_images([fit_square(p, encoder.size_px) for p in pictures]))
    return {}


def door(base: Path) -> dict:
    """How many copies each way flags (naming the right work) when it flags one in a hundred others."""
    from explorer.collections.copycheck import Door
    from explorer.collections.open import open_collection
    from explorer.collections.stored_signatures import read_signatures

    asked = np.load(base / "door.npz")
    collection = open_collection("world")
    made = Door(collection, read_signatures(collection, cache=base))
    scores: dict[str, list] = {"hash": [], "embedding": [], "likeness": []}
    for mark, vector in zip(asked["marks"], asked["vectors"], strict=True):
        bits = made.bits(mark[None])
        near, ids = collection.nearest(vector, 1)
        seen = made.check_signature(mark[None], vector)
        ways = {"hash": (-float(bits.min()), collection.rows([int(bits.argmin())])[0].work_id),
                "embedding": (float(near[0]), collection.rows(ids)[0].work_id),
                "likeness": (seen.likeness, seen.work_id)}
        for way, pair in ways.items():
            scores[way].append(pair)
    count, result = len(asked["ids"]), {}
    for way, pairs in scores.items():
        passing = sorted((s for s, _ in pairs[count:]), reverse=True)
        limit = passing[len(passing) // 100]
        flagged = [s > limit and w == i for (s, w), i in zip(pairs[:count], asked["ids"], strict=True)]
        result |= {f"door_{way}_flagged_at_1pct": float(np.mean(flagged)), f"door_{way}_limit": abs(limit)}
    false = [s >= made.rule.likeness for s, _ in scores["likeness"][count:]]
    right = [s >= made.rule.likeness for s, _ in scores["likeness"][:count]]
    return {**result, "door_flagged": float(np.mean(right)), "door_copies": len(right),
            "door_false_alarms": float(np.mean(false)), "door_others": len(false)}
