"""The code of a fitted prompt embedding: what a recipe names, what a replay is made from, what the ledger charges.

It holds how far each number of the embedding lies from the prompt's own, in whole steps of their spread, under an
adaptive arithmetic code (see closeness/latent_code.py). Whoever has the model and the recipe's prompt can decode
it, and every replay is made from the decoded embedding: the code's length is the charge, with nothing lost on the
way.
"""

from __future__ import annotations

import hashlib

import torch

from explorer.closeness import latent_code
from explorer.errors import ExplorerError
from explorer.records import Recipe


def coded(text: torch.Tensor, own: torch.Tensor, *, step: float) -> bytes:
    """The code of `text` (1, t, d) beside the prompt's `own` (1, t, d); `step` is in units of its spread."""
    moved = (text.float() - own.float()) / spread(own)
    return latent_code.encode(latent_code.quantise(moved.cpu().numpy(), step), step)


def decoded(code: bytes, own: torch.Tensor) -> torch.Tensor:
    """(1, t, d) float32: the embedding that the code says, beside the prompt's own of that shape.

    ExplorerError for bytes that are no code of that shape.
    """
    if latent_code.shape_of(code) != tuple(own.shape):
        raise ExplorerError("trigger.code_shape")
    moved = torch.from_numpy(latent_code.decode(code)).to(own.device)
    return own.float() + spread(own) * moved


def spread(own: torch.Tensor) -> torch.Tensor:
    """The standard deviation of an embedding's numbers, as word_fitting takes it for its unit."""
    return own.float().std().clamp_min(1e-6)


def code_name(code: bytes) -> str:
    """The SHA-256 by which recipes name a code."""
    return hashlib.sha256(code).hexdigest()


def check_code(recipe: Recipe, code: bytes | None) -> None:
    """ExplorerError where the recipe names other words than those that are given, or none."""
    if recipe.embedding_blob != (None if code is None else code_name(code)):
        raise ExplorerError("trigger.other_words")
