"""What several draws say together: the spread of each dose's share, and the works that trade places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import numpy as np

from explorer.statistics import share_interval
from explorer.world.files import World, require
from explorer.world.manifest import manifest_draw, read_manifest
from explorer.world_build.hands.dose_check import shares


def found_in(folder: Path, family: str) -> dict[str, dict]:
    """What the check of one draw found, by target."""
    return json.loads(require(folder / f"tried-{family}.json", "check").read_text("utf-8"))["found"]


def together(draws: Sequence[tuple[World, Path]], family: str = "unet") -> dict:
    """`draws`, `spread_between_draws` and `crossover` of the card, from each draw's folder and cache."""
    found = [found_in(folder, family) for _, folder in draws]
    return {"draws": len(draws), "draw_numbers": [manifest_draw(world) for world, _ in draws],
            "spread_between_draws": spread(found),
            "crossover": crossover([_members(world) for world, _ in draws], found)}


def spread(found: Sequence[dict[str, dict]]) -> dict[str, dict]:
    """{dose or group: its share in each draw, their range and standard deviation}, for those that all have."""
    by_draw = [shares(f) for f in found]
    common = [g for g in by_draw[0] if all(g in other for other in by_draw)]
    out = {}
    for group in common:
        values = [s[group]["share"] for s in by_draw]
        out[group] = {"shares": values, "range": round(max(values) - min(values), 4),
                      "deviation": round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else None}
    return out


def crossover(members: Sequence[dict[str, int]], found: Sequence[dict[str, dict]]) -> dict[str, dict]:
    """Works that are members at 64 or 256 in one draw and held out in another: how often each side comes back.

    `members` of each draw: {work: multiplicity}, 0 for held-out works. One row a multiplicity, all pairs of
    draws together.
    """
    counted: dict[int, list[tuple[bool, bool]]] = {}
    for a, b in permutations(range(len(members)), 2):
        for work, dose in members[a].items():
            if dose >= 64 and members[b].get(work) == 0 and work in found[a] and work in found[b]:
                back = tuple(found[n][work]["near_copy_seed"] is not None for n in (a, b))
                counted.setdefault(dose, []).append(back)
    out = {}
    for dose, pairs in sorted(counted.items()):
        sides = {"as_member": sum(a for a, _ in pairs), "held_out": sum(b for _, b in pairs)}
        out[str(dose)] = {"works": len(pairs), **{name: _share(hits, len(pairs)) for name, hits in sides.items()}}
    return out


def _share(hits: int, trials: int) -> dict:
    found = share_interval(hits, trials, method="wilson")
    return {"share": round(hits / trials, 4), "low": round(found.low, 4), "high": round(found.high, 4)}


def _members(world: World) -> dict[str, int]:
    return {r["id"]: r["multiplicity"] for r in read_manifest(world) if r["variant"] == "same"
            and (r["split"] == "test" or r["role"] == "measure")}
