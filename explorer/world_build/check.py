"""`world check`: measure a world and write its card and contact sheets.

Resumable: attempts are kept in the cache folder, keyed by the world's fingerprint.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from explorer.world.files import World, fingerprint, open_world, write_json
from explorer.world.manifest import load_small, read_manifest
from explorer.world_build import card as cards
from explorer.world_build import dose, sheets
from explorer.world_build.clip_train import image_embeddings, load_clip, text_embeddings
from explorer.world_build.dose_replays import Attempt, DoseEffort, WorldSampler, attempts
from explorer.world_build.fairness import fair_draw
from explorer.world_build.instruments import autoencoder_figures, clip_figures, group_of
from explorer.world_build.rule import load_rule, round_trip
from explorer.world_build.training import pick_device

SHEET_WORKS = 10


def check(
    root: Path | None = None, *, device: str = "auto", cache: Path | None = None,
    effort: DoseEffort | None = None,
) -> dict:  # fmt: skip
    """Measure the world at `root`; writes `card.json` and contact sheets there, returns the card."""
    world, began = open_world(root, cache), time.monotonic()
    effort, where = effort or DoseEffort(), pick_device(device)
    rows, print_ = read_manifest(world), fingerprint(world.root)
    small = load_small(world.root, [r["image"] for r in rows])
    works = small / np.float32(255)
    again = round_trip(world, works)
    found = {"autoencoder": autoencoder_figures(rows, works, again)}
    clip, _, _ = load_clip(world)
    seen = image_embeddings(clip, small)
    found["clip"] = clip_figures(rows, seen, text_embeddings(clip, [r["caption"] for r in rows]))
    found["fair_draw"] = fair_draw(rows, small, seen)
    sampler, rule = WorldSampler(world, where), load_rule(world)
    tried = _try(world, rows, works, dose.chosen_works(rows), sampler, rule, effort, print_, "dose")
    found |= dose.response(rows, tried, cards.epochs(world))
    others = _try(world, rows, works, dose.strangers(rows), sampler, rule, effort, print_, "strangers")
    found["strangers"] = dose.share(list(others.values()))
    tried |= others
    _sheets(world, rows, works, again, tried, sampler, effort)
    found["effort"] = {**dataclasses.asdict(effort), "scheduler": "DDIM", "seeds_from": 0}
    found["check_s"] = round(time.monotonic() - began)
    value = cards.assemble(world, rows, found, print_)
    write_json(world.card, value)
    return value


def _try(world, rows, works, chosen, sampler, rule, effort, print_, name) -> dict[int, Attempt]:
    shape = "{l_bar}{bar}| {elapsed}<{remaining} {postfix}"
    with tqdm(total=1.0, desc=name, file=sys.stderr, bar_format=shape) as bar:

        def report(fraction: float, message: str) -> None:
            bar.n = fraction
            bar.set_postfix_str(message)

        return attempts(world, rows, works, chosen, sampler=sampler, rule=rule, effort=effort,
                        fingerprint=print_, report=report)  # fmt: skip


def _sheets(world: World, rows, works, again, tried, sampler: WorldSampler, effort: DoseEffort) -> None:
    """One contact sheet a group: evenly spaced works, not the best ones."""
    groups: dict[str, list[int]] = {}
    for i in tried:
        groups.setdefault(group_of(rows[i]), []).append(i)
    for name, members in groups.items():
        members = sorted(members)
        shown = [members[k * len(members) // SHEET_WORKS] for k in range(min(SHEET_WORKS, len(members)))]
        texts = sampler.texts([rows[i]["caption"] for i in shown])
        best = sampler.images(texts, [max(0, tried[i].best_seed) for i in shown], effort)
        strips = {"subject": works[shown], "autoencoder": again[shown], "best replay": best}
        sheets.contact_sheet(world, name, strips)


def main() -> None:
    """Check the default world from the command line of a module."""
    torch.set_grad_enabled(False)
    print(cards.line(check(Path(sys.argv[1]) if len(sys.argv) > 1 else None)))


if __name__ == "__main__":
    main()
