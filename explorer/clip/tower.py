"""The causal text tower of a CLIP, run on a shared prefix: only the new tokens are computed.

In a causal transformer a token never sees what comes after it, so prompts that begin alike share the
keys and values of their beginning, and nothing after the end-of-text token matters. The results equal
plain encoding up to rounding (tests: 1e-4).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from explorer.errors import ExplorerError
from explorer.texts import say

BATCH_TOKENS = 16384  # rows × new tokens computed at once; bounds memory
LENGTH_STEP = 4


@dataclass(frozen=True)
class Prefix:
    """Token ids with their keys and values, one pair a layer, each (1, heads, len(ids), head width)."""

    ids: tuple[int, ...]
    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]

    def cut(self, length: int) -> Prefix:
        """The first `length` tokens of it."""
        return Prefix(self.ids[:length], tuple(k[:, :, :length] for k in self.keys),
                      tuple(v[:, :, :length] for v in self.values))


class CausalTower:
    """Keys and values of prefixes, and embeddings of prompts that extend one.

    `model` is an open_clip CLIP or CustomTextCLIP. Raises ExplorerError where the shortcut would be wrong:
    a tower that is not causal, pools elsewhere than at the end-of-text token, or has unknown blocks.
    """

    def __init__(self, model: Any, *, start_id: int, end_id: int):
        text = getattr(model, "text", model)
        self._refuse_unknown(text)
        self.start_id, self.end_id = start_id, end_id
        self.context = int(text.context_length)
        self.token_embedding, self.positions = text.token_embedding, text.positional_embedding
        self.blocks = list(text.transformer.resblocks)
        self.norm, self.projection = text.ln_final, text.text_projection
        self.heads = self.blocks[0].attn.num_heads

    @staticmethod
    def _refuse_unknown(text: Any) -> None:
        why = ""
        blocks = getattr(getattr(text, "transformer", None), "resblocks", None)
        pool = getattr(text, "text_pool_type", getattr(text, "pool_type", ""))
        mask = getattr(text, "attn_mask", None)
        if not blocks or not hasattr(text, "token_embedding"):
            why = say("note.clip.not_open_clip")
        elif mask is None or not bool(torch.isneginf(torch.triu(mask, 1)[0, 1:]).all()):
            why = say("note.clip.not_causal")
        elif pool != "argmax" or getattr(text, "cls_emb", None) is not None:
            why = say("note.clip.pools_not_end", pool=pool)
        elif any(type(b).__name__ != "ResidualAttentionBlock" or b.attn.in_proj_weight is None
                 or b.attn.bias_k is not None for b in blocks):
            why = say("note.clip.blocks_unknown_kind")
        if why:
            raise ExplorerError("clip.tower_prefix_cache_not", why=why)

    def prefix(self, ids: Sequence[int], *, known: Prefix | None = None) -> Prefix:
        """Keys and values of `ids` (with the start token first), reusing what `known` shares with it."""
        shared = 0
        if known is not None:
            limit = min(len(ids), len(known.ids))
            shared = next((i for i in range(limit) if ids[i] != known.ids[i]), limit)
        base = known.cut(shared) if known is not None and shared else None
        if shared == len(ids):
            return base
        new = torch.tensor([list(ids[shared:])], device=self.positions.device)
        keys, values = [], []
        with torch.inference_mode():
            self.run(self._embed(new, shared), base, keep=(keys, values))
        if base is not None:
            keys = [torch.cat(pair, dim=2) for pair in zip(base.keys, keys, strict=True)]
            values = [torch.cat(pair, dim=2) for pair in zip(base.values, values, strict=True)]
        return Prefix(tuple(ids), tuple(keys), tuple(values))

    def extend(self, prefix: Prefix, suffixes: Sequence[Sequence[int]]) -> np.ndarray:
        """Embeddings of prefix + suffix + end token for each suffix: (n, d) float32, L2-normalised.

        ExplorerError if one of them does not fit the context.
        """
        longest = max((len(s) for s in suffixes), default=0)
        if len(prefix.ids) + longest + 1 > self.context:
            raise ExplorerError("clip.tower_prompt_tokens_not", ids_count=len(prefix.ids) + longest - 1,
                                context=self.context - 2)
        groups: dict[int, list[int]] = defaultdict(list)
        for row, suffix in enumerate(suffixes):
            groups[len(suffix) // LENGTH_STEP].append(row)  # like lengths together: little padding
        out = np.empty((len(suffixes), self.dim), np.float32)
        for rows in groups.values():
            step = max(1, BATCH_TOKENS // max(len(suffixes[r]) + 1 for r in rows))
            for at in range(0, len(rows), step):
                part = rows[at:at + step]
                out[part] = self._pooled(prefix, [suffixes[r] for r in part])
        return out

    def encode(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Embeddings of prompts given as content token ids (without start and end): (n, d), normalised."""
        return self.extend(self.prefix([self.start_id]), ids)

    @property
    def dim(self) -> int:
        if isinstance(self.projection, torch.nn.Linear):
            return self.projection.out_features
        return int(self.norm.weight.shape[0] if self.projection is None else self.projection.shape[1])

    def _pooled(self, prefix: Prefix, suffixes: list[Sequence[int]]) -> np.ndarray:
        """Embeddings of the end tokens. Padding stands behind them, where a causal tower does not look."""
        ends = [len(s) for s in suffixes]
        size = max(ends) + 1
        ids = [[*s, *[self.end_id] * (size - len(s))] for s in suffixes]
        with torch.inference_mode():
            new = torch.tensor(ids, device=self.positions.device)  # (n, s)
            last = torch.tensor(ends, device=new.device)
            states = self.run(self._embed(new, len(prefix.ids)), prefix, last=last)  # (n, w)
            return self.project(states).float().cpu().numpy()

    def project(self, x: torch.Tensor) -> torch.Tensor:
        """End-token states (n, w) to embeddings (n, d), L2-normalised."""
        x = self.norm(x)
        if isinstance(self.projection, torch.nn.Linear):
            x = self.projection(x)
        elif self.projection is not None:
            x = x @ self.projection
        return F.normalize(x, dim=-1)

    def _embed(self, ids: torch.Tensor, offset: int) -> torch.Tensor:
        at = self.positions[offset:offset + ids.shape[1]]
        return (self.token_embedding(ids) + at).to(self.blocks[0].mlp.c_fc.weight.dtype)  # (n, s, w)

    def run(self, x: torch.Tensor, prefix: Prefix | None, *, last: torch.Tensor | None = None,
            keep: tuple[list, list] | None = None) -> torch.Tensor:
        """States (n, s, w) of new tokens through all blocks, each layer's keys and values put into `keep`.

        With `last` (n,) only the states of these positions are wanted: (n, w); the last block computes no
        others.
        """
        seen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        for i, block in enumerate(self.blocks):
            q, k, v = self._qkv(block, x)
            if keep is not None:
                keep[0].append(k)
                keep[1].append(v)
            if last is not None and i == len(self.blocks) - 1:
                rows = torch.arange(len(x), device=x.device)
                x, q, seen = x[rows, last][:, None], q[rows, :, last][:, :, None], seen[last][:, None, None]
            past = None if prefix is None else (prefix.keys[i], prefix.values[i])
            x = x + block.ls_1(block.attn.out_proj(self._attend(q, k, v, seen, past)))
            x = x + block.ls_2(block.mlp(block.ln_2(x)))
        return x if last is None else x[:, 0]

    def _qkv(self, block: Any, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        n, s, w = x.shape
        qkv = F.linear(block.ln_1(x), block.attn.in_proj_weight, block.attn.in_proj_bias)
        return tuple(qkv.view(n, s, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4))  # (n, h, s, e)

    @staticmethod
    def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, seen: torch.Tensor,
                past: tuple[torch.Tensor, torch.Tensor] | None) -> torch.Tensor:
        """Attention of queries (n, h, s, e) to the shared prefix and to those new tokens that are `seen`."""
        n, h, s, e = q.shape
        own = (q @ k.transpose(-1, -2)).masked_fill(~seen, float("-inf"))  # (n, h, s, new)
        if past is None:
            mixed = (own * e ** -0.5).softmax(-1) @ v
        else:
            p = past[0].shape[2]
            rows = q.transpose(0, 1).reshape(h, n * s, e)  # all rows against one prefix: one product a head
            old = (rows @ past[0][0].transpose(-1, -2)).view(h, n, s, p).transpose(0, 1)
            weight = (torch.cat([old, own], dim=-1) * e ** -0.5).softmax(-1)
            from_old = weight[..., :p].transpose(0, 1).reshape(h, n * s, p) @ past[1][0]
            mixed = from_old.view(h, n, s, e).transpose(0, 1) + weight[..., p:] @ v
        return mixed.transpose(1, 2).reshape(n, s, h * e)
