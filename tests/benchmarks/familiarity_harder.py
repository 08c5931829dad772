"""Both tests on the harder world, with works' own captions: does the picture come back, and is it known?

The world by several hands (`assets/hands`; `python -m explorer.world_build.hands data --out FOLDER --cache FOLDER`
draws its display copies, its weights are laid in beside them) has doses of its own, so what is compared is the two
tests of one run: the nearest of as many replays as a measured test makes, and the gap of the plan with captions.
Nothing is taken off either, and nothing was chosen on this world's works.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from explorer.closeness.tiled import tiled_distance
from explorer.diffusion.models import load_model
from explorer.familiarity.familiarity_plan import PLANS
from explorer.records.policy import Policy
from explorer.statistics import auc_interval
from explorer.world.files import World, fingerprint, open_world, sha256_file
from explorer.world.manifest import load_small, read_manifest
from explorer.world_build.dose_replays import DoseEffort
from explorer.world_build.familiarity_scores import NamedPicture, familiarity_lines
from explorer.world_build.hands.dose_check import WEIGHTS, Target, targets
from explorer.world_build.hands.paint import Draw, sampler

MOST = {"0": 50, "1": 50, "4": 40}  # test works by copies, the first ones by their name
RESAMPLED = 2_000
POLICY = Policy(prompt_from="caption")


def harder(root: Path, folder: Path) -> dict[str, Any]:
    """By copies: each test's AUC against held-out works, and the difference with its paired 95% limits."""
    world = open_world(root)
    groups = _groups(world)
    every = [target for part in groups.values() for target in part]
    pictures = dict(zip([t.name for t in every], load_small(root, [t.image for t in every]), strict=True))
    plan, model = PLANS["caption"], load_model(str(world.diffusion), device="cpu")
    lines = familiarity_lines(model, [NamedPicture(t.name, pictures[t.name], (t.caption,)) for t in every], plan,
                              folder=folder)
    distance = _nearest(world, every, pictures, folder)
    values = {name: (np.array([lines[t.name]["value"] for t in part]), -np.array([distance[t.name] for t in part]))
              for name, part in groups.items()}
    return {"world": fingerprint(root), "weights": sha256_file(root / WEIGHTS["unet"]),
            "evaluations": {"familiarity": plan.evaluations(), "reproduction": POLICY.seeds * POLICY.steps * 2},
            "by_multiplicity": {n: compared(values[n], values["0"]) for n in groups if n != "0"}}


def compared(seen: Sequence[np.ndarray], unseen: Sequence[np.ndarray]) -> dict[str, Any]:
    """AUC of (familiarity, reproduction), and the gain of the first with limits over works drawn again, in pairs.

    `wanted` is the gain that is asked for: .10, or half of the way to 1 where that is less.
    """
    areas = [auc_interval(*pair) for pair in zip(seen, unseen, strict=True)]
    draw, gains = np.random.default_rng(0), []
    for _ in range(RESAMPLED):
        a, b = (draw.integers(0, len(side[0]), len(side[0])) for side in (seen, unseen))
        one, two = (auc_interval(s[a], u[b]).value for s, u in zip(seen, unseen, strict=True))
        gains.append(one - two)
    low, high = np.quantile(gains, (0.025, 0.975))
    told = {name: {"auc": area.value, "low": area.low, "high": area.high}
            for name, area in zip(("familiarity", "reproduction"), areas, strict=True)}
    return told | {"works": len(seen[0]), "held_out": len(unseen[0]),
                   "gain": {"value": areas[0].value - areas[1].value, "low": float(low), "high": float(high),
                            "wanted": min(0.10, (1 - areas[1].value) / 2)}}


def _groups(world: World) -> dict[str, list[Target]]:
    found: dict[str, list[Target]] = {name: [] for name in MOST}
    for target in sorted(targets(world, read_manifest(world)), key=lambda t: t.name):
        if len(found.get(target.group, [None] * 10_000)) < MOST.get(target.group, 0):
            found[target.group].append(target)
    return found


def _nearest(world: World, every: Sequence[Target], pictures: dict[str, np.ndarray],
             folder: Path) -> dict[str, float]:
    """Name → the tiled distance of the nearest replay; lines on disk are kept, so that a stopped run goes on."""
    effort = DoseEffort(seeds=POLICY.seeds, steps=POLICY.steps, guidance=POLICY.guidance)
    path = folder / f"nearest-{sha256_file(world.root / WEIGHTS['unet'])[:16]}-{POLICY.id}.jsonl"
    found = dict(json.loads(line) for line in path.read_text("utf-8").splitlines()) if path.exists() else {}
    draw: Draw = sampler(world, "unet")
    with path.open("a", encoding="utf-8") as file:
        for number, target in enumerate(t for t in every if t.name not in found):
            made = draw([target.caption] * effort.seeds, list(range(effort.seeds)), effort)
            found[target.name] = float(tiled_distance(made, pictures[target.name] / np.float32(255)).min())
            file.write(json.dumps([target.name, found[target.name]]) + "\n")
            file.flush()
            if number % 20 == 0:
                print(f"{number} replayed of the harder world", flush=True)
    return found
