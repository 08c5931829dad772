"""Cross-attention that projects each prompt once a run, whatever the batch and the number of steps.

In a batch of one prompt every image attends to the same keys and values, at every step; diffusers projects
them again for each. Rows that share a prompt are laid side by side as one long query.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention, AttnProcessor2_0


class SharedTextProcessor(AttnProcessor2_0):
    """Attention in which `encoder_hidden_states` may hold one row (t, d) for a block of several images.

    With as many rows as images, with masks, or outside inference mode it is diffusers' own processor.
    """

    def __init__(self) -> None:
        super().__init__()
        self._text: torch.Tensor | None = None
        self._projected: tuple[torch.Tensor, torch.Tensor] | None = None

    def __call__(self, attn: Attention, hidden_states: torch.Tensor,
                 encoder_hidden_states: torch.Tensor | None = None,
                 attention_mask: torch.Tensor | None = None, temb: torch.Tensor | None = None, *args: Any,
                 **kwargs: Any) -> torch.Tensor:
        text = encoder_hidden_states
        if text is None or not torch.is_inference_mode_enabled() or not _plain(attn, hidden_states,
                                                                              attention_mask):
            return super().__call__(attn, hidden_states, text, attention_mask, temb, *args, **kwargs)
        key, value = self._keys_values(attn, text)  # (u, heads, t, d)
        rows, heads = text.shape[0], attn.heads
        query = attn.to_q(hidden_states).view(rows, -1, heads, key.shape[-1])  # (u, n·l, heads, d)
        query = query.transpose(1, 2)
        mixed = F.scaled_dot_product_attention(query, key, value)
        out = mixed.transpose(1, 2).reshape(*hidden_states.shape[:2], -1)
        out = attn.to_out[1](attn.to_out[0](out))
        return (out + hidden_states if attn.residual_connection else out) / attn.rescale_output_factor

    def _keys_values(self, attn: Attention, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self._text is not text or self._projected is None:
            shape = (text.shape[0], text.shape[1], attn.heads, -1)
            self._projected = (attn.to_k(text).view(shape).transpose(1, 2),
                               attn.to_v(text).view(shape).transpose(1, 2))
            self._text = text  # kept alive, so that no other tensor can take its identity
        return self._projected

    def forget(self) -> None:
        """Drops what was projected (the weights may change)."""
        self._text = self._projected = None


def _plain(attn: Attention, hidden_states: torch.Tensor, mask: torch.Tensor | None) -> bool:
    return (mask is None and hidden_states.ndim == 3 and attn.group_norm is None and attn.spatial_norm is None
            and not attn.norm_cross and attn.norm_q is None and attn.norm_k is None)


def cross_attentions(unet: torch.nn.Module) -> list[Attention]:
    """The network's text attentions, in order."""
    return [m for name, m in unet.named_modules() if name.endswith("attn2") and isinstance(m, Attention)]


def install(unet: torch.nn.Module) -> list[Attention]:
    """Gives every text attention of plain kind the shared processor; returns those attentions."""
    found = [m for m in cross_attentions(unet) if type(m.processor) is AttnProcessor2_0]
    for attention in found:
        attention.set_processor(SharedTextProcessor())
    return found


def shares(attentions: list[Attention]) -> bool:
    """Whether rows may be shared: nobody has exchanged a processor (to look at attention maps, say)."""
    return bool(attentions) and all(type(m.processor) is SharedTextProcessor for m in attentions)
