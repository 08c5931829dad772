"""The family of a loaded pipeline."""

from __future__ import annotations

from typing import Any

import torch

from explorer.diffusion.families.family import Family
from explorer.diffusion.families.transformers import Chroma, Flux, Flux2, QwenImage, StableDiffusion3, ZImage
from explorer.diffusion.families.unet import UNetFamily
from explorer.records.families import facts

KINDS: dict[str, type[Family]] = {
    "sd1": UNetFamily, "sd2": UNetFamily, "sdxl": UNetFamily, "sd3": StableDiffusion3, "flux": Flux,
    "schnell": Flux, "flux2": Flux2, "klein": Flux2, "qwen": QwenImage, "zimage": ZImage, "chroma": Chroma}


def family_of(pipe: Any, name: str, *, device: torch.device, dtype: torch.dtype) -> Family | None:
    """The parts of `pipe` under the family's interface; None for a family that only its own call runs.

    ExplorerError for a network that does not make images from words alone.
    """
    name = facts(name).key
    return KINDS[name](pipe, name, device, dtype) if name in KINDS else None
