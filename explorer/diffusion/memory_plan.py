"""Whether a model fits into memory, before anything of it is loaded: from its shape alone, without torch.

Weights count with the precision that they are held in, working memory with the size of the images. A card holds the
whole model, or one part at a time (the text encoders leave it when the prompt is encoded), or one layer at a time;
what is not on the card lies in the computer's memory. On the processor everything is held at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.diffusion.shapes import NetworkShape, Shape
from explorer.texts import say

SPARE_BYTES = 1.0e9  # what the libraries need besides weights and images
SLACK = 1.3  # of working memory: scratch space of kernels, and holes between what was handed back
LAYER = 0.05  # of a model: what one layer at a time takes of a card, at most
MOST_AT_ONCE = {"cuda": 32, "cpu": 16, "mps": 8}  # larger batches gain nothing more
FITS, OFFLOAD, TOO_LARGE = "fits", "offload", "too_large"


@dataclass(frozen=True)
class MemoryPlan:
    """How a model would be held. `place` is "device" (all of it there), "held" (there too, with its matrices in the
    half precision that the files have, which changes no number), or "parts" or "layers" (in turns).
    """

    verdict: str  # FITS, OFFLOAD or TOO_LARGE
    place: str
    precision: str
    device: str
    batch: int  # images at once
    weights_bytes: float
    image_bytes: float  # working memory of one image
    needed_bytes: float  # of the device, for one image, held as `place` says
    free_bytes: float


@dataclass(frozen=True)
class Room:
    """Where models are run, and what is free there and in the computer."""

    device: str
    free_bytes: float
    host_bytes: float


def room(told_by_worker: Mapping[str, Any] | None = None) -> Room:
    """The room that a device worker last told of ("device", "free_bytes"); this computer's memory without one."""
    here, facts = float(computer_bytes()), told_by_worker or {}
    device, free = facts.get("device"), facts.get("free_bytes")
    if device not in MOST_AT_ONCE or not isinstance(free, (int, float)):
        return Room("cpu", here, here)
    return Room(device, float(free) if device == "cuda" else here, here)


def plan_in(room: Room, shape: Shape, *, side_px: int, flow: bool, precision: str = "auto") -> MemoryPlan:
    """The plan for square images of a model in a room."""
    return plan(shape, device=room.device, free_bytes=room.free_bytes, host_bytes=room.host_bytes,
                width_px=side_px, height_px=side_px, precision=precision, flow=flow)


def plan(shape: Shape, *, device: str, free_bytes: float, host_bytes: float | None = None, width_px: int,
         height_px: int, precision: str = "auto", flow: bool = False) -> MemoryPlan:
    """The plan for a model on a device ("cuda", "mps" or "cpu") with `free_bytes` left.

    `host_bytes` is what the computer has left beside a card, not known where None. `flow` says that the family
    learned a flow: such models keep to bfloat16 on a card, whose range float16 does not have.
    """
    precision = named(precision, device=device, flow=flow)
    bits = 32 if precision == "float32" else 16
    sizes = {part.role: held_bytes(part, bits) for part in shape.parts}
    weights, pixels = sum(sizes.values()), width_px * height_px
    run, decode = (SLACK * n * bits / 8 for n in (shape.working(pixels), shape.decoded * pixels))
    image = max(run, decode)
    turns = max((size + (run if part.network else decode if part.role in ("vae", "movq") else 0.0)
                 for part, size in zip(shape.parts, sizes.values(), strict=True)), default=0.0)
    ways = {"device": weights + image}
    if device == "cuda":
        ways |= {"parts": turns, "layers": LAYER * weights + image}
    elif shape.narrow and bits == 32:
        ways["held"] = weights / 2 + image
    place = _place(ways, free_bytes, weights, host_bytes)
    least = place or next(reversed(ways))
    needed = ways[least] + SPARE_BYTES
    held = max(ways[least] - image, 0.0)
    batch = int(min(MOST_AT_ONCE[device], max(1, (free_bytes - held - SPARE_BYTES) // image)))
    verdict = TOO_LARGE if not place else OFFLOAD if place in ("parts", "layers") else FITS
    return MemoryPlan(verdict, least, precision, device, batch, weights, image, needed,
                      free_bytes)


def named(precision: str, *, device: str, flow: bool) -> str:
    """The precision that "auto" stands for on a device; any other as it is."""
    if precision != "auto":
        return precision
    return ("bfloat16" if flow else "float16") if device == "cuda" else "float32"


def held_bytes(part: NetworkShape, bits: int) -> float:
    """What a part's weights take when its numbers are computed with `bits`; quantised ones stay as they are."""
    return part.numbers * (part.bits if part.bits < 12 else bits) / 8


def _place(ways: dict[str, float], free: float, weights: float, host: float | None) -> str:
    """The first way that fits; none on a card whose computer cannot hold the weights either."""
    for place, needed in ways.items():
        if place in ("parts", "layers") and host is not None and weights + SPARE_BYTES > host:
            break
        if needed + SPARE_BYTES <= free:
            return place
    return ""


def told(of: MemoryPlan) -> str:
    """The plan as a sentence or two."""
    values = {"weights": of.weights_bytes / 1e9, "image": of.image_bytes / 1e9, "free": of.free_bytes / 1e9,
              "needed": of.needed_bytes / 1e9, "precision": of.precision, "device": of.device}
    key = f"{of.verdict}_{of.place}" if of.verdict != TOO_LARGE and of.place != "device" else of.verdict
    return say(f"memory.{key}", **values)


def computer_bytes() -> int:
    """Memory of this computer that can still be taken."""
    import psutil
    return int(psutil.virtual_memory().available)
