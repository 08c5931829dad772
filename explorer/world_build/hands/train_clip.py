"""Stage `clip`: the world's CLIP goes on from an earlier world's, on the new works, in long runs.

Sees all works but the strangers, held-out ones included, each equally often.
"""

from __future__ import annotations

import math
from pathlib import Path

import open_clip
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import nn

from explorer.world.files import World, open_world
from explorer.world_build.clip_train import (
    TRAINED_TOKENS,
    Pairs,
    contrast,
    load_clip,
    register,
    short_text,
    write_clip,
    write_config,
)  # fmt: skip
from explorer.world_build.hands.long import LongPlan, LongTraining
from explorer.world_build.training import autocast

PLAN = LongPlan("clip", batch=256, rate=7e-4, decay=0.1, average=0.98)
SEED = 3
CPU = torch.device("cpu")


@torch.no_grad()
def unfold_normalisation(model: nn.Module) -> None:
    """The inverse of `clip_train.fold_normalisation`: the model expects [-1, 1] again."""
    weight = model.visual.conv1.weight
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD))
    weight /= 2 * deviation
    model.visual.positional_embedding[1:] -= (weight * (2 * mean - 1)).sum((1, 2, 3))


def architecture(world: World, start: Path | None) -> nn.Module:
    """Untrained model, or the one of the world that `start` (its `diffusion` folder) belongs to."""
    write_config(world)
    if start is None:
        return open_clip.create_model(register(world)).train()
    model, _, _ = load_clip(open_world(start.parent))
    unfold_normalisation(model)
    return model.train()


def train(world: World, folder: Path, *, minutes: float = math.inf, decay_steps: int = 0,
          start: Path | None = None, plan: LongPlan = PLAN, device: torch.device = CPU) -> dict:
    """One run of the training; goes on from `folder`'s checkpoint and writes the model at its end."""
    torch.manual_seed(SEED)
    kept = world.diffusion / "text_encoder"  # the pipeline's own, trained along with the UNet: not the CLIP's
    model = architecture(world, start).to(device)
    training = LongTraining(plan, model, folder)
    pairs = Pairs(world, SEED + training.step)
    for _ in training.steps(minutes, decay_steps):
        images, tokens = (part.to(device) for part in pairs.next(plan.batch))
        with autocast(images.device):
            image = model.encode_image(images)
        text = short_text(model, tokens, TRAINED_TOKENS)
        training.update(contrast(image.float(), text.float(), model.logit_scale.exp().clamp(max=100)))
    write(world, training.averaged(), kept.exists())
    return {"steps": training.step, "minutes": round(training.spent_s / 60, 1), "batch": plan.batch,
            "processor_minutes": round(training.processor_s / 60, 1), "works": len(pairs.rows),
            "epochs": round(training.step * plan.batch / len(pairs.rows), 1)}  # fmt: skip


def publish(world: World, checkpoint: Path) -> int:
    """Write the CLIP from the averaged weights of a checkpoint; returns its step."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    model = architecture(world, None)
    model.load_state_dict(state["average"])
    write(world, model, (world.diffusion / "text_encoder").exists())
    return state["step"]


def write(world: World, model: nn.Module, keep_pipeline: bool) -> None:
    """Write the CLIP; the pipeline's own words and tokenizer stay as they are."""
    if not keep_pipeline:
        write_clip(world, model)
        return
    aside = World(world.root / "clip.part", world.cache)
    write_clip(aside, model)
    for path in aside.clip.iterdir():
        path.replace(world.clip / path.name)
    for path in sorted(aside.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    aside.root.rmdir()
