"""A tiny model of each kind: it predicts the noise, v or a velocity, with words pooled, masked or listed."""

from __future__ import annotations

from pathlib import Path

from explorer.diffusion.models import Model
from tests.diffusion import tiny
from tests.diffusion.families import tiny_flows

KINDS = ("sd1-kl", "sd2-v", "sdxl", "sd3", "flux", "qwen", "zimage")


def model(kind: str, folder: Path) -> Model:
    return tiny.model(kind, folder) if kind in tiny.VARIANTS else tiny_flows.model(kind, folder)
