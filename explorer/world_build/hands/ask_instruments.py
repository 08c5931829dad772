"""Stage `recognise`: draw from held-out captions, and ask both instruments what is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from explorer.world.files import World, sha256_file, write_json
from explorer.world.manifest import load_small, read_manifest
from explorer.world_build.clip_train import image_embeddings, load_clip, text_embeddings
from explorer.world_build.dose_replays import DoseEffort
from explorer.world_build.hands import recognise as R
from explorer.world_build.hands.paint import CPU, sampler

PICTURES = 100
EFFORT = DoseEffort(seeds=1, steps=20, guidance=3.0)
ASKED = ("test", "control")


def recognised(world: World, folder: Path, family: str = "unet", device=CPU) -> dict:
    """Draws with seed n for caption n; writes `recognised.json` and a contact sheet; returns the figures."""
    rows = [r for r in read_manifest(world) if r["concept"] and r["split"] != "stranger"]
    pixels = load_small(world.root, [r["image"] for r in rows])
    found = features_of(world, folder, pixels)
    asked = np.array([r["split"] in ASKED for r in rows])
    model = R.fit(found[~asked], [r["concept"] for r, a in zip(rows, asked, strict=True) if not a],
                  R.known_concepts(rows))
    held = [i for i in np.flatnonzero(asked) if rows[i]["concept"] in set(model.concepts)]
    chosen = [held[k * len(held) // PICTURES] for k in range(min(PICTURES, len(held)))]
    made = sampler(world, family, device)([rows[i]["caption"] for i in chosen], list(range(len(chosen))), EFFORT)
    made = (made * 255).round().astype(np.uint8)
    sheet(world, pixels[chosen], made)
    own = [rows[i]["concept"] for i in chosen]
    scores = {"real": model.scores(found[held]), "generated": model.scores(R.features(made))}
    figures = {"real": R.concept_ranks(scores["real"], model.concepts, [rows[i]["concept"] for i in held]),
               "generated": R.concept_ranks(scores["generated"], model.concepts, own),
               "shuffled": R.concept_ranks(scores["generated"], model.concepts, R.shuffled(own))}
    value = {"recognised": {name: R.figure(ranks) for name, ranks in figures.items()}}
    if world.clip_weights.exists():
        value["recognised_clip"] = by_clip(world, rows, held, chosen, pixels, made)
    write_json(world.root / "recognised.json", value)
    return value


def by_clip(world: World, rows: list[dict], held, chosen, pixels: np.ndarray, made: np.ndarray) -> dict:
    """The same three figures by the world's CLIP, on whole captions."""
    clip, _, _ = load_clip(world)
    text = text_embeddings(clip, [rows[i]["caption"] for i in held])
    place = {i: n for n, i in enumerate(held)}
    words = text[[place[i] for i in chosen]]
    drawn = image_embeddings(clip, made)
    order = R.shuffled(list(range(len(chosen))))
    ranks = {"real": R.caption_ranks(image_embeddings(clip, pixels[held]), text),
             "generated": R.caption_ranks(drawn, words), "shuffled": R.caption_ranks(drawn, words[order])}
    return {name: R.figure(found) for name, found in ranks.items()}


def features_of(world: World, folder: Path, pixels: np.ndarray) -> np.ndarray:
    """(n, 1280) features of the real works; kept in the cache folder, they take minutes."""
    kept = folder / f"features-{sha256_file(world.manifest)[:16]}.npy"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(kept, R.features(pixels))
    return np.load(kept)


def sheet(world: World, real: np.ndarray, made: np.ndarray, columns: int = 20) -> None:
    """Real works above, pictures from their captions below; evenly spaced, not the best ones."""
    rows = -(-len(real) // columns)
    canvas = Image.new("RGB", (64 * columns, 132 * rows), "white")
    for n, (a, b) in enumerate(zip(real, made, strict=True)):
        x, y = 64 * (n % columns), 132 * (n // columns)
        canvas.paste(Image.fromarray(a), (x, y))
        canvas.paste(Image.fromarray(b), (x, y + 64))
    canvas.save(world.root / "recognised.png")
