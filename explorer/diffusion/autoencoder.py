"""Between pixels and latents, as the pipelines do it, for AutoencoderKL and AutoencoderTiny."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from diffusers.utils.torch_utils import randn_tensor

if TYPE_CHECKING:
    from explorer.diffusion.models import Model


def to_tensor(rgb: np.ndarray) -> torch.Tensor:
    """(h, w, 3) uint8 as (1, 3, h, w) float32 in [-1, 1]."""
    return torch.from_numpy(rgb.astype(np.float32) / 255.0).permute(2, 0, 1)[None] * 2.0 - 1.0


def to_rgb(pixels: torch.Tensor) -> np.ndarray:
    """(n, 3, h, w) in [-1, 1] as (n, h, w, 3) uint8, rounded as diffusers does."""
    unit = (pixels * 0.5 + 0.5).clamp(0, 1).cpu().permute(0, 2, 3, 1).float().numpy()
    return (unit * 255).round().astype("uint8")


class Encoded:
    """A starting image in latent space: a mean, and a spread where the autoencoder is variational."""

    def __init__(self, model: Model, rgb: np.ndarray) -> None:
        """`rgb` is (h, w, 3) uint8 of the replay's own size."""
        with torch.inference_mode(), upcast(model) as dtype:
            out = model.pipe.vae.encode(to_tensor(rgb).to(model.device, dtype))
        self._model = model
        self._spread = getattr(out, "latent_dist", None)
        self.mean = out.latents if self._spread is None else self._spread.mean  # (1, c, h/f, w/f)

    def draw(self, generators: Sequence[torch.Generator] | None) -> torch.Tensor:
        """(n, c, h/f, w/f) scaled latents, a draw from each image's generator; the mean if None."""
        if self._spread is None or generators is None:
            raw = self.mean.expand(len(generators or [0]), -1, -1, -1)
        else:
            shape, std = self.mean.shape, self._spread.std
            noise = [randn_tensor(shape, generator=g, device=self.mean.device, dtype=self.mean.dtype)
                     for g in generators]
            raw = torch.cat([self.mean + std * one for one in noise])
        shift, scale = self._model.family.normal(raw)
        return (raw.to(self._model.dtype) - shift) * scale


def decode(model: Model, latents: torch.Tensor, *, chunk: int = 0) -> np.ndarray:
    """(n, h, w, 3) uint8 from final latents (n, c, h/f, w/f), `chunk` at a time (0: as memory allows)."""
    chunk = chunk or model.policy.decode_chunk
    shift, scale = model.family.normal(latents)
    with torch.inference_mode(), upcast(model) as dtype:
        raw = (latents / scale + shift).to(dtype)
        parts = [to_rgb(model.pipe.vae.decode(part, return_dict=False)[0]) for part in raw.split(chunk)]
    return np.concatenate(parts)


def round_trip(model: Model, rgb: np.ndarray) -> np.ndarray:
    """The image after the model's own encode and decode: the autoencoder floor of any replay."""
    return decode(model, Encoded(model, rgb).draw(None))[0]


@contextlib.contextmanager
def upcast(model: Model) -> Iterator[torch.dtype]:
    """Runs an autoencoder that overflows in half precision (SDXL's) in float32."""
    vae = model.pipe.vae
    wide = model.dtype == torch.float16 and bool(getattr(vae.config, "force_upcast", False))
    if wide:
        vae.to(dtype=torch.float32)
    try:
        yield torch.float32 if wide else vae.dtype
    finally:
        if wide:
            vae.to(dtype=model.dtype)
