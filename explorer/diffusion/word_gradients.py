"""Which words of a model's own vocabulary would lower its error on a picture, by the gradient at the prompt's
tokens.

The first-order estimate of HotFlip (Ebrahimi et al. 2018), as Wen et al. 2023 (Hard prompts made easy) and DoRI
(arXiv 2507.16880) use it: a word stands high where its token's embedding lies down the slope from the token that
is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from explorer.diffusion.denoising import NoiseLevels, noises, squared_errors
from explorer.diffusion.models import Model
from explorer.records import Recipe

BEGINS, ENDS = ("▁", "Ġ"), "</w>"  # how vocabularies mark a token that begins a word, or ends one (CLIP's)
SHORTEST = 3  # letters of a word


def steep_words(model: Model, latents: torch.Tensor, prompt: str, *, times: Sequence[int], count: int,
                seed: int = 0) -> list[str]:
    """The `count` words that would lower the error the most in the place of one of the prompt's tokens, best first.

    `latents` (1, c, h, w) of the picture; a noise for each of `times`. Three network evaluations a time. Empty for
    a family whose first text encoder takes no gradient, or whose vocabulary cannot be read.
    """
    family, pipe = model.family, model.pipe
    tokenizer, encoder = (getattr(pipe, name, None) for name in ("tokenizer", "text_encoder"))
    if tokenizer is None or encoder is None or not hasattr(encoder, "get_input_embeddings"):
        return []
    height, width = (side * family.latent_shape[1] for side in latents.shape[2:])
    recipe = Recipe(model.ref, prompt, 0, 1, family.facts.unguided, family.facts.walks_back, width, height)
    table = encoder.get_input_embeddings()
    with torch.inference_mode(False), torch.enable_grad(), _watched(table) as seen, family.differentiable():
        rows = family.encode([recipe] * len(times), paired=False)
        if not rows.text.requires_grad:
            return []
        drawn = noises(model, latents, [seed + n for n in range(len(times))]).clone()
        noised = NoiseLevels(model).noised(latents.clone().expand(len(times), -1, -1, -1), drawn, times)
        squared_errors(model, noised, rows).mean().backward()
        slope = torch.stack([leaf.grad[0] for leaf in seen if leaf.grad is not None]).sum(0)  # (t, d)
    return _down(slope, tokenizer, table, seen[0][0].detach(), prompt, count)


@contextmanager
def _watched(table: torch.nn.Module) -> Iterator[list[torch.Tensor]]:
    """Every output of a table of token embeddings as a leaf with a gradient."""
    seen: list[torch.Tensor] = []

    def leaf(module: torch.nn.Module, given: Any, out: torch.Tensor) -> torch.Tensor:
        seen.append(out.detach().clone().requires_grad_())
        return seen[-1]

    handle = table.register_forward_hook(leaf)
    try:
        yield seen
    finally:
        handle.remove()


def _down(slope: torch.Tensor, tokenizer: Any, table: torch.nn.Module, own: torch.Tensor, prompt: str,
          count: int) -> list[str]:
    places = len(tokenizer(prompt, truncation=True).input_ids)
    gain = -(slope[:places] @ table.weight.detach().T - (slope[:places] * own[:places]).sum(1, keepdim=True))
    order = gain.max(0).values.argsort(descending=True).tolist()
    found: dict[str, None] = {}
    for number in order:
        word = whole_word(tokenizer, number)
        if word and word not in prompt.casefold().split():
            found[word] = None
        if len(found) == count:
            break
    return list(found)


def whole_word(tokenizer: Any, number: int) -> str:
    """The word that a token is by itself, in small letters; "" for parts of words, signs and short ones."""
    piece = tokenizer.convert_ids_to_tokens(number)
    if not isinstance(piece, str) or not (piece.endswith(ENDS) or piece.startswith(BEGINS)):
        return ""
    word = piece.removesuffix(ENDS).lstrip("".join(BEGINS)).casefold()
    return word if word.isascii() and word.isalpha() and len(word) >= SHORTEST else ""
