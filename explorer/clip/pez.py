"""Hard prompts by gradient: Wen et al. 2023, "Hard Prompts Made Easy" (PEZ), arXiv:2302.03668.

A few free token vectors descend the cosine's gradient, taken at their nearest real tokens; the best prompt of
real tokens seen on the way wins. It finds strings that CLIP likes and people do not read: a last resort.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from explorer.clip.term_pool import joined
from explorer.clip.terms import has_phrase
from explorer.errors import ExplorerError
from explorer.records import Progress
from explorer.run import QUIET, Run
from explorer.texts import say

if TYPE_CHECKING:
    from explorer.clip.encoder import Encoder

REPORT_EVERY = 20


@lru_cache(maxsize=2)
def whole_words(tokenizer: Any) -> tuple[int, ...]:
    """Ids of the tokens that are one whole lower-case word; a text of them reads back as the same tokens."""
    return tuple(i for piece, i in tokenizer.encoder.items() if piece.endswith("</w>")
                 and len(piece) > 6 and piece[:-4].isascii() and piece[:-4].isalpha())


def hard_prompt(encoder: Encoder, query: np.ndarray, *, tokens: int = 8, steps: int = 200, seed: int = 0,
                rate: float = 0.1, opening: str = "", banned: Sequence[str] = (), run: Run = QUIET) -> str:
    """The opening and `tokens` words found by gradient search.

    `query` (d,) is the image's unit vector. Raises ExplorerError for a CLIP without a causal tower of its
    own tokens, or when the words do not fit.
    """
    tower = encoder.tower
    if tower is None:
        raise ExplorerError("clip.pez_gradient_search_not", encoder_name=encoder.name,
                            tower_note=encoder.tower_note)
    head = [tower.start_id, *(encoder.token_ids(f"{opening},") if opening else [])]
    if len(head) + tokens + 1 > tower.context:
        raise ExplorerError("clip.pez_more_words_not", tokens=tokens, max_tokens=encoder.max_tokens)
    device = tower.positions.device
    decode = encoder.tokenizer.decode
    ids = torch.tensor([i for i in whole_words(encoder.tokenizer)
                        if not any(has_phrase(decode([i]), b) for b in banned)], device=device)
    words = tower.token_embedding.weight[ids].detach()  # (v, w)
    unit, target = F.normalize(words, dim=-1), torch.from_numpy(np.asarray(query)).to(words)
    first = torch.randint(len(ids), (tokens,), generator=torch.Generator().manual_seed(seed))
    free = words[first.to(device)].clone().requires_grad_(True)  # (tokens, w)
    optimiser = torch.optim.AdamW([free], lr=rate * float(words.std()), weight_decay=0.0)
    best, best_ids = -2.0, first.to(device)
    for step in range(steps):
        nearest = (F.normalize(free.detach(), dim=-1) @ unit.T).argmax(-1)  # (tokens,)
        placed = words[nearest] + (free - free.detach())  # the real tokens, with the free ones' gradient
        similarity = _similarity(tower, head, placed, target)
        if float(similarity.detach()) > best:
            best, best_ids = float(similarity.detach()), nearest
        optimiser.zero_grad()
        (1 - similarity).backward()
        optimiser.step()
        if step % REPORT_EVERY == 0:
            run.report(Progress(step, steps, say("progress.gradient_search_similarity", best=best)))
    return joined(opening, encoder.tokenizer.decode(ids[best_ids].tolist()).strip())


def _similarity(tower: Any, head: Sequence[int], placed: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cosine of the prompt head + placed (tokens, w) + end token to `target` (d,)."""
    embed = tower.token_embedding
    x = torch.cat([embed(torch.tensor(list(head), device=placed.device)), placed,
                   embed(torch.tensor([tower.end_id], device=placed.device))])  # (s, w)
    last = torch.tensor([len(x) - 1], device=x.device)
    x = tower.run((x + tower.positions[:len(x)])[None], None, last=last)
    return tower.project(x)[0] @ target
