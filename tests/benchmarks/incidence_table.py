"""The truth by exhaustion: every prompt of three declared populations, replayed with every seed of the frame.

The populations are made of the world's works, drawn by a fixed seed: their captions, what CLIP recovers from their
pictures, and reworded titles. Each replay's nearest work of all is kept, with its distance and the distance to the
next work, so that any near-copy rule and any choice of protected works can be asked afterwards. Prompts are worked
off in the same order in every population: a table that was ended early is a smaller frame, whole in itself.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from explorer.clip.encoder import load_encoder
from explorer.clip.interrogate import interrogate
from explorer.clip.terms import choose_lists
from explorer.closeness.tiled import distances
from explorer.diffusion.models import Model, load_model
from explorer.records import ReplaySettings
from explorer.run import QUIET
from explorer.search.engine import BatchUnit, Here, Made, Room
from explorer.search.expand import expand
from explorer.world.files import open_world
from explorer.world.manifest import all_words, load_small, read_manifest

POPULATIONS = ("captions", "terms", "rewordings")
PROMPTS, SEEDS, STEPS, GUIDANCE, SCHEDULER = 500, 16, 3, 1.0, "ddim"
LOOK_STEPS = 2  # of the first look, one replay a prompt with the seed after the frame's
TOGETHER = 3  # prompts a batch
TEMPLATES = ("a drawing of {}", "clip art of {}", "{}, vector graphic", "picture: {}", "{} on a white background")


def frames(rows: Sequence[dict[str, Any]], pictures: np.ndarray) -> dict[str, list[str]]:
    """Population to its prompts, PROMPTS each; `pictures` (n, 64, 64, 3) uint8 belong to the manifest's `rows`."""
    picks = {name: np.random.default_rng(100 + i).permutation(len(rows))[:PROMPTS]
             for i, name in enumerate(POPULATIONS)}
    encoder = load_encoder("world", device="cpu")
    terms = choose_lists(("collection",), collection=all_words(rows))
    found = [interrogate(encoder, pictures[i], subject_id="", mode="fast", terms=terms)[0].text
             for i in picks["terms"]]
    return {"captions": [rows[i]["caption"] for i in picks["captions"]], "terms": found,
            "rewordings": [TEMPLATES[n % len(TEMPLATES)].format(rows[i]["title"])
                           for n, i in enumerate(picks["rewordings"])]}


def replayed(model: Model, prompts: Sequence[str], works: np.ndarray, *, steps: int, first: int,
             seeds: int) -> dict[str, np.ndarray]:
    """(prompts, seeds) arrays: the nearest work's number, its tiled distance, and the next work's."""
    out = {"work": np.zeros((len(prompts), seeds), np.int32), "near": np.zeros((len(prompts), seeds), np.float32),
           "next": np.zeros((len(prompts), seeds), np.float32)}
    recipes = [r for p in prompts for r in expand(ReplaySettings(
        p, first_seed=first, seeds=seeds, steps=(steps,), guidances=(GUIDANCE,), schedulers=(SCHEDULER,)),
        model=model.ref, info=model.info)]
    images: list[np.ndarray] = []

    def take(_: BatchUnit, made: Made) -> None:
        images.extend(i.rgb for i in made.images)

    Here(model, Room(len(recipes))).run([BatchUnit(tuple(recipes))], take, run=QUIET)
    table = distances(works, np.stack(images).astype(np.float32) / 255)
    order = np.argpartition(table, 1, axis=1)[:, :2]
    two = np.take_along_axis(table, order, 1)
    swap = two[:, 0] > two[:, 1]
    order[swap], two[swap] = order[swap][:, ::-1], two[swap][:, ::-1]
    shape = (len(prompts), seeds)
    out["work"][:], out["near"][:], out["next"][:] = (order[:, 0].reshape(shape), two[:, 0].reshape(shape),
                                                      two[:, 1].reshape(shape))
    return out


def build(folder: Path, *, until: float) -> None:
    """Fills `folder` with one file for each few prompts of each population, going on where it stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    world = open_world()
    rows = read_manifest(world)
    pictures = load_small(world.root, [r["image"] for r in rows])
    named = folder / "frames.json"
    if not named.exists():
        named.write_text(json.dumps(frames(rows, pictures), ensure_ascii=False), "utf-8")
    prompts = json.loads(named.read_text("utf-8"))
    model, works = load_model("world", device="cpu", home=folder), pictures.astype(np.float32) / 255
    for start in range(0, PROMPTS, TOGETHER):
        for name in POPULATIONS:
            path = folder / f"{name}-{start:04d}.npz"
            if path.exists() or time.monotonic() > until:
                continue
            part = prompts[name][start:start + TOGETHER]
            whole = replayed(model, part, works, steps=STEPS, first=0, seeds=SEEDS)
            look = replayed(model, part, works, steps=LOOK_STEPS, first=SEEDS, seeds=1)
            np.savez(path, look=look["near"][:, 0], **whole)
            print(path.name, flush=True)


def gathered(folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """Population to its table, over the prompts that every population has."""
    parts = {name: sorted(folder.glob(f"{name}-*.npz")) for name in POPULATIONS}
    many = min(map(len, parts.values()))
    found = {}
    for name, paths in parts.items():
        loaded = [dict(np.load(p)) for p in paths[:many]]
        found[name] = {key: np.concatenate([one[key] for one in loaded]) for key in loaded[0]}
    return found


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("folder", type=Path)
    given.add_argument("--minutes", type=float, default=90)
    asked = given.parse_args()
    build(asked.folder, until=time.monotonic() + 60 * asked.minutes)
