"""What a card can hold decides precision, where the parts stay, and how many images go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from explorer.texts import say

# Working memory of one guided image at 512 × 512 in half precision, and what loading needs besides the
# weights; generous, since halving a batch after an out-of-memory costs a restart of that batch.
IMAGE_BYTES = 700e6
SPARE_BYTES = 1.0e9
MOST_AT_ONCE = {"cuda": 32, "cpu": 16, "mps": 8}  # larger batches gain nothing more


@dataclass(frozen=True)
class MemoryPolicy:
    """How a model is held: `place` "device" (all of it there), "parts" (one part at a time) or "layers"."""

    precision: str
    place: str
    batch: int
    decode_chunk: int
    attention: str
    notes: tuple[str, ...]


def free_bytes(device: torch.device) -> int:
    """Memory that can still be taken: the card's, or the computer's for the CPU and MPS."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil
    return int(psutil.virtual_memory().available)


def choose(*, stored_bytes: int, stored_bits: int, device: str, free: int, size_px: int,
           precision: str = "auto") -> MemoryPolicy:
    """The policy for a model of `stored_bytes` (at `stored_bits` a number) on a device with `free` bytes.

    `size_px` is the side of the images that will be made. Says in `notes` what was picked and why.
    """
    if precision == "auto":
        precision = "float16" if device == "cuda" else "float32"
    bits = 32 if precision == "float32" else 16
    weights = stored_bytes * bits / stored_bits
    image = IMAGE_BYTES * (size_px / 512) ** 2 * bits / 16
    notes = [say("note.diffusion.about_gb_weights", precision=precision, device=device, weights=weights / 1e9,
                 free=free / 1e9)]
    place = "device"
    if device == "cuda" and weights + SPARE_BYTES + image > free:
        place = "parts" if weights * 0.75 + SPARE_BYTES + image < free else "layers"
        notes.append(say("note.diffusion.card_cannot_hold")
                     if place == "parts" else
                     say("note.diffusion.card_much_too"))
    held = {"device": weights, "parts": weights * 0.75, "layers": weights * 0.05}[place]
    room = free - held - SPARE_BYTES
    batch = int(min(MOST_AT_ONCE[device], max(1, room // image)))
    notes.append(say("note.diffusion.up_images_once", batch=batch))
    return MemoryPolicy(precision, place, batch, min(8, batch), "scaled_dot_product_attention", tuple(notes))


def settle(pipe: Any, policy: MemoryPolicy, device: torch.device) -> None:
    """Moves the pipeline's parts as the policy says; hooks of `accelerate` do the turns."""
    if policy.place == "device":
        pipe.to(device)
    elif policy.place == "parts":
        pipe.enable_model_cpu_offload(device=device)
    else:
        pipe.enable_sequential_cpu_offload(device=device)
