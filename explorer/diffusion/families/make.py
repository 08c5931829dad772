"""The family of a loaded pipeline."""

from __future__ import annotations

from typing import Any

import torch

from explorer.diffusion.families.catalogue import facts
from explorer.diffusion.families.family import Family
from explorer.diffusion.families.unet import UNetFamily


def family_of(pipe: Any, name: str, *, device: torch.device, dtype: torch.dtype) -> Family | None:
    """The parts of `pipe` under the family's interface; None for a family that only its own call runs.

    ExplorerError for a network that does not make images from words alone.
    """
    return UNetFamily(pipe, name, device, dtype) if facts(name).own_loop else None
