"""The world's card: every figure of `world check`, with what was measured and how."""

from __future__ import annotations

import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from explorer.world.build import training_facts
from explorer.world.data import manifest_draw
from explorer.world.files import World, size_mb

PACKAGES = ("torch", "diffusers", "transformers", "open_clip_torch", "numpy", "pillow")


def epochs(world: World) -> float:
    """Training epochs of the UNet: views of a work = multiplicity × epochs."""
    return float(training_facts(world).get("unet", {}).get("epochs", 0.0))


def assemble(world: World, rows: list[dict], found: dict, fingerprint: str) -> dict:
    """The card: the figures in the order that the README gives them."""
    rule = json.loads(world.near_copy.read_text("utf-8"))
    first = ("autoencoder", "clip", "dose_response")
    return {
        "assets_mb": round(size_mb(world.root.parent), 1),
        **{k: found[k] for k in first},
        "near_copy_rule": rule,
        "fingerprint": fingerprint,
        **{k: v for k, v in found.items() if k not in first},
        "draw": manifest_draw(world),
        "works": dict(Counter(r["split"] for r in rows)),
        "parameters": {name: parameters(path) for name, path in weights(world).items()},
        "training": training_facts(world),
        "source": "Open Clip Art Library 0.18, Debian packages openclipart-svg and openclipart-png",
        "versions": {name: version(name) for name in PACKAGES},
    }


def weights(world: World) -> dict[str, Path]:
    """Weight file of each model."""
    part = "diffusion_pytorch_model.safetensors"
    return {
        "clip": world.clip_weights,
        "autoencoder": world.diffusion / "vae" / part,
        "unet": world.diffusion / "unet" / part,
        "text_encoder": world.diffusion / "text_encoder" / "model.safetensors",
    }


def parameters(path: Path) -> int:
    """Number of parameters in a safetensors file, from its header."""
    with open(path, "rb") as handle:
        header = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
    sizes = (v["shape"] for k, v in header.items() if k != "__metadata__")
    total = 0
    for shape in sizes:
        n = 1
        for side in shape:
            n *= side
        total += n
    return total


def line(card: dict) -> str:
    """The card on one line, as the command prints it last."""
    return json.dumps(card, ensure_ascii=False)
