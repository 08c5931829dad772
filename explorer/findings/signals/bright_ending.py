"""Bright Ending. Chen et al. 2025 (ICLR): where the picture attends to the prompt's end token.

In the last step the pixels of a memorised region attend to the final text token much more than others do.
That map is the mask; the prompt's pull (Wen et al. 2024) counted under it is the signal, so that a picture
of which only a part is memorised is not diluted by the rest. As in the paper the map is the mean over heads
of the first two cross-attentions at the finest level of the network's way down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention

from explorer.diffusion.models import Model
from explorer.diffusion.sampling import StepView
from explorer.errors import ExplorerError
from explorer.findings.signals.observers import Key, Observer, key_of, noise_difference

LAYERS = 2


def masked_magnitude(difference: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(…) mean over steps of ‖(ε(x, prompt) − ε(x, none)) ∘ mask‖₂ / mean(mask); works on tensors as well.

    `difference` is (…, steps, h, w), squared and summed over channels; `mask` (…, h, w), not negative.
    """
    norms = (difference * mask[..., None, :, :] ** 2).sum((-2, -1)) ** 0.5  # (…, steps)
    return norms.mean(-1) / mask.mean((-2, -1))


class EndAttention(Observer):
    """Mean attention of the picture to the prompt's end token in the last step; in [0, 1].

    Looks into the network during the last step only, through hooks that change nothing of what it does.
    """

    name = "end_attention"

    def __init__(self) -> None:
        self._model: Model | None = None
        self._hooks: list[Any] = []
        self._layers: list[torch.Tensor] = []  # (n, l, t) each, of the step under way
        self._masks: dict[Key, np.ndarray] = {}

    def begin(self, model: Model, steps: int) -> None:
        if steps < 2:
            raise ExplorerError("findings.bright_ending_looks_last_several")
        if not model.family.text_attentions():
            raise ExplorerError("findings.bright_ending_no_attention", label=model.family.facts.label)
        self.end()
        self._model = model

    def see(self, view: StepView) -> None:
        if view.index == view.steps - 2:
            self._arm(guided=view.unconditional is not None)
        elif view.index == view.steps - 1:
            masks = self._mask(view)
            self._release()
            rows = masks.cpu().numpy()
            self._masks |= {key_of(r): m for r, m in zip(view.recipes, rows, strict=True)}

    def result(self) -> dict[Key, float]:
        return {key: float(mask.mean()) for key, mask in self._masks.items()}

    def maps(self) -> dict[Key, np.ndarray]:
        """(h, w) float32 attention to the end token, in [0, 1], on the latents' grid."""
        return dict(self._masks)

    def end(self) -> None:
        self._release()

    def _release(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._layers = [], []

    def _arm(self, *, guided: bool) -> None:
        def look(attention: Attention, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            text = kwargs["encoder_hidden_states"] if "encoder_hidden_states" in kwargs else args[1]
            hidden = kwargs.get("hidden_states", args[0] if args else None)
            if guided:  # rows are [without prompt…, with prompt…]
                hidden, text = hidden.chunk(2)[1], text.chunk(2)[1]
            self._layers.append(_weights(attention, hidden, text))
        self._hooks = [a.register_forward_pre_hook(look, with_kwargs=True)
                       for a in self._model.family.text_attentions()]

    def _mask(self, view: StepView) -> torch.Tensor:
        """(n, h, w) float32 on the latents' grid."""
        n, _, height, width = view.sample.shape
        ends = torch.tensor(end_positions(self._model, [r.prompt for r in view.recipes]))
        finest = max(layer.shape[1] for layer in self._layers)
        picked = [layer for layer in self._layers if layer.shape[1] == finest][:LAYERS]
        mean = torch.stack([layer.expand(n, -1, -1) for layer in picked]).mean(0)  # (n, l, t)
        column = mean.gather(2, ends.to(mean.device)[:, None, None].expand(-1, finest, 1))  # (n, l, 1)
        rows = round((finest * height / width) ** 0.5)
        grid = column.reshape(n, 1, rows, finest // rows)
        return F.interpolate(grid, (height, width), mode="bilinear", align_corners=False)[:, 0]


class BrightEnding(EndAttention):
    """The prompt's pull under the end token's mask, averaged over all steps; in [0, ∞)."""

    name = "bright_ending"

    def __init__(self) -> None:
        super().__init__()
        self._differences: dict[Key, list[torch.Tensor]] = {}  # (h, w) a step, of images under way
        self._values: dict[Key, float] = {}

    def see(self, view: StepView) -> None:
        rows = noise_difference(view)
        for recipe, row in zip(view.recipes, rows, strict=True):
            self._differences.setdefault(key_of(recipe), []).append(row)
        super().see(view)
        if view.index == view.steps - 1:
            for key in map(key_of, view.recipes):
                steps = torch.stack(self._differences.pop(key)).cpu().numpy()  # (steps, h, w)
                self._values[key] = float(masked_magnitude(steps, self._masks[key]))

    def result(self) -> dict[Key, float]:
        return dict(self._values)

    def end(self) -> None:
        super().end()
        self._differences = {}


def end_positions(model: Model, prompts: Sequence[str]) -> list[int]:
    """Where each prompt's end token stands among its tokens (the first, where it also pads)."""
    tokenizer = model.pipe.tokenizer
    texts = [model.pipe.maybe_convert_prompt(p, tokenizer) for p in prompts]
    ids = tokenizer(texts, padding="max_length", truncation=True, max_length=tokenizer.model_max_length).input_ids
    return [row.index(tokenizer.eos_token_id) for row in ids]


def _weights(attention: Attention, hidden: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """(n, l, t) float32 attention of l places to t tokens, mean over heads; rows of `text` may be shared."""
    if attention.norm_cross:
        text = attention.norm_encoder_hidden_states(text)
    query, key = attention.to_q(hidden), attention.to_k(text)
    query, key = (x.unflatten(-1, (attention.heads, -1)).transpose(1, 2).float() for x in (query, key))
    return (query @ key.transpose(-1, -2) * attention.scale).softmax(-1).mean(1)
