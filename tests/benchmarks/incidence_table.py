"""The truth by exhaustion: every prompt of three declared populations, replayed with every seed of the frame.

The populations are made of the world's works, drawn by a fixed seed: their captions, three of their keywords, and
their titles reworded. Each replay is kept with its nearest work of all, the distance to it and that to the next
work, so that any near-copy rule and any choice of protected works can be asked afterwards. Prompts stand in random
order: a table that was ended early is a smaller frame, whole in itself.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from explorer.closeness.tiled import distances
from explorer.diffusion.models import Model, load_model
from explorer.records import ReplaySettings
from explorer.run import QUIET
from explorer.search.engine import BatchRoom, BatchUnit, LocalEngine, Made
from explorer.search.expand import expand
from explorer.world.files import open_world
from explorer.world.manifest import load_small, read_manifest

POPULATIONS = ("captions", "keywords", "rewordings")
PROMPTS, SEEDS, STEPS, GUIDANCE, SCHEDULER = 500, 16, 8, 2.0, "ddim"
LOOK_STEPS = 4  # of the first look, as a plan takes them: one replay a prompt, with the seed after the frame's
TOGETHER = 3  # prompts a batch
TEMPLATES = ("a drawing of {}", "clip art of {}", "{}, vector graphic", "picture: {}", "{} on a white background")


def frames(rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Population to its prompts, PROMPTS each, from the manifest's rows."""
    picks = {}
    for number, name in enumerate(POPULATIONS):
        usable = [r for r in rows if len(r["keywords"]) > 2]
        order = np.random.default_rng(100 + number).permutation(len(usable))[:PROMPTS]
        picks[name] = [usable[i] for i in order]
    return {"captions": [r["caption"] for r in picks["captions"]],
            "keywords": [", ".join(r["keywords"][:3]) for r in picks["keywords"]],
            "rewordings": [TEMPLATES[n % len(TEMPLATES)].format(r["title"])
                           for n, r in enumerate(picks["rewordings"])]}


def replayed(model: Model, prompts: Sequence[str], works: np.ndarray, *, steps: int, first: int,
             seeds: int) -> dict[str, np.ndarray]:
    """(prompts, seeds) arrays: the nearest work's number, its tiled distance, and the next work's."""
    out = {"work": np.zeros((len(prompts), seeds), np.int32), "near": np.zeros((len(prompts), seeds), np.float32),
           "next": np.zeros((len(prompts), seeds), np.float32)}
    images = pictures_of(model, prompts, steps=steps, first=first, seeds=seeds)
    table = distances(works, images)
    order = np.argpartition(table, 1, axis=1)[:, :2]
    two = np.take_along_axis(table, order, 1)
    swap = two[:, 0] > two[:, 1]
    order[swap], two[swap] = order[swap][:, ::-1], two[swap][:, ::-1]
    shape = (len(prompts), seeds)
    out["work"][:], out["near"][:], out["next"][:] = (order[:, 0].reshape(shape), two[:, 0].reshape(shape),
                                                      two[:, 1].reshape(shape))
    return out


def pictures_of(model: Model, prompts: Sequence[str], *, steps: int, first: int, seeds: int) -> np.ndarray:
    """(prompts · seeds, 64, 64, 3) float32 on [0, 1], every seed of a prompt before the next prompt."""
    recipes = [r for p in prompts for r in expand(ReplaySettings(
        p, first_seed=first, seeds=seeds, steps=(steps,), guidances=(GUIDANCE,), schedulers=(SCHEDULER,)),
        model=model.ref, info=model.info)]
    images: list[np.ndarray] = []

    def take(_: BatchUnit, made: Made) -> None:
        images.extend(i.rgb for i in made.images)

    LocalEngine(model, BatchRoom(len(recipes))).run([BatchUnit(tuple(recipes))], take, run=QUIET)
    return np.stack(images).astype(np.float32) / 255


def first_looks(folder: Path) -> None:
    """One short replay of each prompt of the table with the seed after the frame's: its distance to every work."""
    world = open_world()
    works = load_small(world.root, [r["image"] for r in read_manifest(world)]).astype(np.float32) / 255
    prompts = json.loads((folder / "frames.json").read_text("utf-8"))
    model = load_model("world", device="cpu", home=folder)
    for part in _parts(folder):
        for name in POPULATIONS:
            path = folder / f"look-{name}-{part}.npz"
            if not path.exists():
                some = prompts[name][int(part):int(part) + TOGETHER]
                seen = pictures_of(model, some, steps=LOOK_STEPS, first=SEEDS, seeds=1)
                np.savez(path, look=distances(works, seen).astype(np.float16))


def _parts(folder: Path) -> list[str]:
    """Which parts every population has."""
    return sorted(set.intersection(*({p.stem.rpartition("-")[2] for p in folder.glob(f"{name}-*.npz")}
                                     for name in POPULATIONS)))


def build(folder: Path, *, until: float, first: int = 0) -> None:
    """Fills `folder` with one file for each few prompts of each population, going on where it stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    world = open_world()
    rows = read_manifest(world)
    pictures = load_small(world.root, [r["image"] for r in rows])
    named = folder / "frames.json"
    if not named.exists():
        named.write_text(json.dumps(frames(rows), ensure_ascii=False), "utf-8")
    prompts = json.loads(named.read_text("utf-8"))
    model, works = load_model("world", device="cpu", home=folder), pictures.astype(np.float32) / 255
    for start in range(first, PROMPTS, TOGETHER):
        for name in POPULATIONS:
            path = folder / f"{name}-{start:04d}.npz"
            if path.exists() or time.monotonic() > until:
                continue
            part = prompts[name][start:start + TOGETHER]
            whole = replayed(model, part, works, steps=STEPS, first=0, seeds=SEEDS)
            np.savez(path, **whole)
            print(path.name, flush=True)


def gathered(folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """Population to its table, over the prompts that every population has."""
    found = {}
    for name in POPULATIONS:
        loaded = [dict(np.load(folder / f"{name}-{part}.npz")) | dict(np.load(folder / f"look-{name}-{part}.npz"))
                  for part in _parts(folder)]
        found[name] = {key: np.concatenate([one[key] for one in loaded]) for key in loaded[0]}
        found[name]["look_share"] = np.array(LOOK_STEPS / STEPS)
    return found


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("folder", type=Path)
    given.add_argument("--minutes", type=float, default=90)
    given.add_argument("--first", type=int, default=0)
    given.add_argument("--looks", action="store_true")
    asked = given.parse_args()
    if asked.looks:
        first_looks(asked.folder)
    else:
        build(asked.folder, until=time.monotonic() + 60 * asked.minutes, first=asked.first)
