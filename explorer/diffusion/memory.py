"""How a loaded model is held: what the plan says for the memory that is free now, and the moves that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from explorer.diffusion.held import hold
from explorer.diffusion.memory_plan import TOO_LARGE, MemoryPlan, computer_bytes, told
from explorer.errors import ExplorerError
from explorer.texts import say


@dataclass(frozen=True)
class MemoryPolicy:
    """How a model is held, as `MemoryPlan` has it: `place` "device", "held", "parts" or "layers"."""

    precision: str
    place: str
    batch: int
    decode_chunk: int
    attention: str
    notes: tuple[str, ...]


def free_bytes(device: torch.device) -> int:
    """Memory that can still be taken: the card's, or the computer's for the CPU and MPS."""
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else computer_bytes()


def policy_of(plan: MemoryPlan) -> MemoryPolicy:
    """The policy that a plan comes to, with what was picked and why in its notes."""
    notes = [say("note.diffusion.about_gb_weights", precision=plan.precision, device=plan.device,
                 weights=plan.weights_bytes / 1e9, free=plan.free_bytes / 1e9)]
    turns = {"parts": "card_cannot_hold", "layers": "card_much_too", "held": "held_narrow"}
    if plan.place in turns:
        notes.append(say(f"note.diffusion.{turns[plan.place]}"))
    notes.append(say("note.diffusion.up_images_once", batch=plan.batch))
    return MemoryPolicy(plan.precision, plan.place, plan.batch, min(8, plan.batch), "scaled_dot_product_attention",
                        tuple(notes))


def check_room(plan: MemoryPlan, name: str) -> None:
    """ExplorerError where a model's weights alone are more than the computer has left.

    A plan errs on the safe side; loading is refused only where no error of it could help.
    """
    least = plan.weights_bytes / (2 if plan.place == "held" else 1)
    if plan.verdict == TOO_LARGE and plan.device != "cuda" and least > plan.free_bytes:
        raise ExplorerError("memory.does_not_fit", name=name, told=told(plan))


def settle(pipe: Any, policy: MemoryPolicy, device: torch.device) -> None:
    """Moves the pipeline's parts as the policy says; hooks of `accelerate` do the turns."""
    if policy.place == "device":
        pipe.to(device)
    elif policy.place == "held":
        hold(pipe, torch.float32)
    elif policy.place == "parts":
        pipe.enable_model_cpu_offload(device=device)
    else:
        pipe.enable_sequential_cpu_offload(device=device)
