"""Stage `rule`: thresholds of the near-copy rule, chosen on tuning works before any UNet is trained.

Absolute: Carlini et al. 2023 take 0.15; it is kept unless too few works would pass with their own round
trip through the autoencoder, which no replay can beat. Relative: at least a fifth nearer to this work than
to any other, because on white pages any two sparse drawings are near.
"""

from __future__ import annotations

import json

import numpy as np
import torch
from diffusers import AutoencoderTiny

from explorer.closeness.tiled import distances
from explorer.errors import ExplorerError
from explorer.world.files import World, require, write_json
from explorer.world.manifest import load_small, read_manifest
from explorer.world.near_copy import NearCopyRule, to_own_and_other
from explorer.world_build.unet_train import latents_of

MARGIN = 0.8
ABSOLUTES = tuple(round(0.15 + 0.01 * i, 2) for i in range(11))
OWN_AT_LEAST, OTHERS_AT_MOST = 0.95, 0.01


def choose(world: World) -> dict:
    """Writes `near_copy.json` with the thresholds and the shares that pass; ExplorerError if none will do."""
    rows = read_manifest(world)
    works = load_small(world.root, [r["image"] for r in rows]) / np.float32(255)
    tuning = np.array([i for i, r in enumerate(rows) if r["split"] == "tuning"])
    trials = _trials(world, works, tuning)
    for absolute in ABSOLUTES:
        rule = NearCopyRule(absolute, MARGIN)
        shares = {name: _share(rule, works, images, tuning) for name, images in trials.items()}
        others = max(share for name, share in shares.items() if name != "own_round_trip")
        if shares["own_round_trip"] >= OWN_AT_LEAST and others <= OTHERS_AT_MOST:
            value = {"absolute": absolute, "margin": MARGIN, "tile_px": 16, "tiles": 16,
                     "rivals": "all works of the manifest", "chosen_on": f"{len(tuning)} tuning works",
                     "passes_on_tuning": shares}
            write_json(world.near_copy, value)
            return value
    raise ExplorerError("world.rule_no_near_copy", last_absolutes=ABSOLUTES[-1], own_at_least=OWN_AT_LEAST)


def load_rule(world: World) -> NearCopyRule:
    """The committed rule."""
    value = json.loads(require(world.near_copy, "rule").read_text("utf-8"))
    return NearCopyRule(value["absolute"], value["margin"])


def _trials(world: World, works: np.ndarray, tuning: np.ndarray) -> dict[str, np.ndarray]:
    """(n, 64, 64, 3) images a trial: what must pass, and what must not."""
    table = distances(works, works[tuning])
    table[np.arange(len(tuning)), tuning] = np.inf
    return {"own_round_trip": round_trip(world, works[tuning]),
            "blank_page": np.ones_like(works[tuning]),
            "mean_work": np.broadcast_to(works.mean(0), works[tuning].shape),
            "nearest_other_work": works[table.argmin(1)]}


def _share(rule: NearCopyRule, works: np.ndarray, images: np.ndarray, own: np.ndarray) -> float:
    return float(rule.holds(*to_own_and_other(distances(works, images), own)).mean())


@torch.no_grad()
def round_trip(world: World, works: np.ndarray) -> np.ndarray:
    """(n, 64, 64, 3) float32 in [0, 1]: works through the autoencoder and back; the floor of any replay."""
    vae = AutoencoderTiny.from_pretrained(require(world.diffusion / "vae", "autoencoder")).eval()
    latents = latents_of(vae, (works * 255).round().astype(np.uint8), torch.device("cpu"))
    parts = [vae.decode(latents[i:i + 128] / vae.config.scaling_factor).sample for i in range(0, len(latents), 128)]
    return ((torch.cat(parts) + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1).numpy()
