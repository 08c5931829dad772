"""What an adapter's tensors add to one weight: LoRA and its kin (DoRA, LoHa, LoKr), by their published formulas."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

# Suffix of a tensor's name -> what it is. What stands before it names the module.
PARTS = {
    "lora_A": "down", "lora_down": "down", "lora.down": "down", "lora_linear_layer.down": "down",
    "lora_B": "up", "lora_up": "up", "lora.up": "up", "lora_linear_layer.up": "up",
    "hada_w1_a": "w1_a", "hada_w1_b": "w1_b", "hada_w2_a": "w2_a", "hada_w2_b": "w2_b",
    "lokr_w1": "k1", "lokr_w1_a": "k1_a", "lokr_w1_b": "k1_b",
    "lokr_w2": "k2", "lokr_w2_a": "k2_a", "lokr_w2_b": "k2_b",
    "dora_scale": "magnitude", "lora_magnitude_vector": "magnitude", "alpha": "alpha", "scale": "scale"}
_ANY = "|".join(re.escape(part) for part in sorted(PARTS, key=len, reverse=True))
_NAME = re.compile(rf"^(?P<base>.*?)[._](?P<part>{_ANY})(?:\.default)?(?:\.weight)?$")


@dataclass(frozen=True)
class AdapterTensor:
    """One tensor of an adapter: the module that it is named after, and what it is there."""

    base: str
    kind: str


def part_of(name: str) -> AdapterTensor | None:
    """What a tensor's name says; None for one of a kind that is not known here."""
    match = _NAME.match(name)
    return AdapterTensor(match["base"], PARTS[match["part"]]) if match else None


def is_lycoris(kinds: set[str]) -> bool:
    """Whether a module's tensors are LoHa's or LoKr's."""
    return any(kind.startswith(("w1_", "w2_", "k1", "k2")) for kind in kinds)


def lycoris_change(parts: dict[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """(change (out, in · kernel), its rank) of a LoHa or LoKr module; KeyError where a factor is missing.

    LoHa (Hyeon-Woo et al. 2022): (A1 B1) ∘ (A2 B2). LoKr (Yeh et al. 2024): the Kronecker product of two factors,
    either of which may be a product itself. Rank 0 where no factor has one, and alpha then plays no part.
    """
    flat = {k: v.float().flatten(1) if v.ndim > 1 else v.float() for k, v in parts.items()}
    if "w1_a" in flat:
        return (flat["w1_a"] @ flat["w1_b"]) * (flat["w2_a"] @ flat["w2_b"]), flat["w1_b"].shape[0]
    rank = next((flat[k].shape[0] for k in ("k1_b", "k2_b") if k in flat), 0)
    first = flat["k1"] if "k1" in flat else flat["k1_a"] @ flat["k1_b"]
    second = flat["k2"] if "k2" in flat else flat["k2_a"] @ flat["k2_b"]
    return torch.kron(first, second), rank


def changed(weight: torch.Tensor, change: torch.Tensor, magnitude: torch.Tensor | None,
            strength: float) -> torch.Tensor:
    """The weight with `change` laid over it at `strength`, in float32 and the weight's own shape.

    With a `magnitude`, as DoRA has it (Liu et al. 2024), direction and length of each row (or column, where there
    is one number for each input) are changed apart, and `strength` goes from the plain weight to that.
    """
    plain = weight.float().flatten(1)
    if magnitude is None:
        return (plain + strength * change).reshape(weight.shape)
    moved = plain + change
    if magnitude.numel() == plain.shape[0]:
        whole = moved * (magnitude.float().reshape(-1, 1) / moved.norm(dim=1, keepdim=True))
    else:  # one number an input channel
        cells = moved.reshape(plain.shape[0], magnitude.numel(), -1)
        length = cells.transpose(0, 1).flatten(1).norm(dim=1).view(1, -1, 1)
        whole = (cells * (magnitude.float().view(1, -1, 1) / length)).reshape(plain.shape)
    return (plain + strength * (whole - plain)).reshape(weight.shape)
