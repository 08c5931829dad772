"""`world build`: from the Debian packages to a world, in stages that can be ended and resumed at any time."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path

from tqdm import tqdm

from explorer.errors import ExplorerError
from explorer.world.files import DEFAULT_SOURCE, World, fingerprint, open_world, write_json
from explorer.world.manifest import manifest_draw

BORROWED = ("clip", "diffusion/vae", "diffusion/text_encoder", "diffusion/tokenizer", "near_copy.json")
STAGES = ("data", "clip", "autoencoder", "rule", "unet", "index")
WHEN_ASKED = ("hard",)  # fetches packages of its own


def build(*, stage: str | None = None, out: Path | None = None, device: str = "auto", draw: int = 1,
          source_root: Path = DEFAULT_SOURCE, minutes: float | None = None, cache: Path | None = None) -> dict:
    """Runs one stage, or every one in order; returns what each did and the world's fingerprint.

    `minutes` replaces the stage's training budget. A stopped training goes on from its checkpoint.
    """
    world = open_world(out, cache)
    for name in (stage,) if stage else _stages(world, draw):
        if name not in (*STAGES, *WHEN_ASKED):
            raise ExplorerError("world.build_world_no_stage", name=name, stages=", ".join((*STAGES, *WHEN_ASKED)))
        with tqdm(total=1.0, desc=name, file=sys.stderr, bar_format="{l_bar}{bar}| {elapsed} {postfix}") as bar:
            facts = _run(name, world, device, draw, source_root, minutes, _reporter(bar))
        _note(world, name, facts)
    return {"world": str(world.root), "training": training_facts(world), "fingerprint": fingerprint(world.root)}


def _stages(world: World, draw: int) -> tuple[str, ...]:
    """Every stage; the crossover draw takes instruments and rule from the draw before it, as they are.

    They are trained on the same works (strangers are the same too), and frozen thresholds are its point.
    """
    shipped = open_world()
    if draw % 2 or world.root == shipped.root or not shipped.clip_weights.exists():
        return STAGES
    if manifest_draw(shipped) == draw - 1:
        for part in BORROWED:
            source, target = shipped.root / part, world.root / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, target)
        return ("data", "unet", "index")
    return STAGES


def _run(name: str, world: World, device: str, draw: int, source_root: Path, minutes: float | None,
         report) -> dict | None:
    if name == "data":
        from explorer.world_build.data import build_data
        return build_data(world, source_root, draw, report)
    if name == "hard":
        from explorer.world_build import build_hard_works
        build_hard_works.build(world, source_root)
        return None
    if name == "rule":
        from explorer.world_build.rule import choose
        return choose(world)
    if name == "index":
        from explorer.world_build.world_index import build as index
        return index(world)
    return _train(name, world, device, minutes, report)


def _train(name: str, world: World, device: str, minutes: float | None, report) -> dict:
    from explorer.world_build import autoencoder_train, clip_train, unet_train
    from explorer.world_build.training import pick_device

    if name == "unet" and not world.near_copy.exists():
        raise ExplorerError("world.build_world_near_copy_rule")
    module = {"clip": clip_train, "autoencoder": autoencoder_train, "unet": unet_train}[name]
    plan = dataclasses.replace(module.PLAN, minutes=minutes) if minutes else module.PLAN
    return module.train(world, plan, pick_device(device), report)


def _reporter(bar: tqdm):
    def report(_: str, fraction: float, message: str) -> None:
        bar.n = min(1.0, fraction)
        bar.set_postfix_str(message)

    return report


def _note(world: World, name: str, facts: dict | None) -> None:
    """Keeps how a stage was run, for the card."""
    if facts:
        write_json(world.root / "training.json", {**training_facts(world), name: facts})


def training_facts(world: World) -> dict:
    """How each model was trained: steps, minutes, batch, device."""
    path = world.root / "training.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}
