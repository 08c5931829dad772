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
        self._space = model.latent_space
        with torch.inference_mode(), upcast(model) as dtype:
            pixels = to_tensor(rgb).to(model.device, dtype)
            self.mean, self._spread = self._space.posterior(pixels)  # (1, c, h/f, w/f), before shift and scale

    def draw(self, generators: Sequence[torch.Generator] | None) -> torch.Tensor:
        """(n, c, h/f, w/f) scaled latents, a draw from each image's generator; the mean if None."""
        if self._spread is None or generators is None:
            raw = self.mean.expand(len(generators or [0]), -1, -1, -1)
        else:
            shape = self.mean.shape
            noise = [randn_tensor(shape, generator=g, device=self.mean.device, dtype=self.mean.dtype)
                     for g in generators]
            raw = torch.cat([self.mean + self._spread * one for one in noise])
        return self._space.latents_of(raw.to(self._space.latents_dtype))


def decode(model: Model, latents: torch.Tensor, *, chunk: int = 0) -> np.ndarray:
    """(n, h, w, 3) uint8 from final latents (n, c, h/f, w/f), `chunk` at a time (0: as memory allows)."""
    chunk = chunk or model.policy.decode_chunk
    with torch.inference_mode(), upcast(model) as dtype:
        raw = model.latent_space.raw_of(latents).to(dtype)
        parts = [to_rgb(model.latent_space.pixels(part)) for part in raw.split(chunk)]
    return np.concatenate(parts)


def round_trip(model: Model, rgb: np.ndarray) -> np.ndarray:
    """The image after the model's own encode and decode: the autoencoder floor of any replay."""
    return decode(model, Encoded(model, rgb).draw(None))[0]


@contextlib.contextmanager
def upcast(model: Model) -> Iterator[torch.dtype]:
    """Runs an autoencoder that overflows in half precision (SDXL's) in float32."""
    vae = model.latent_space.vae
    wide = model.dtype == torch.float16 and bool(getattr(vae.config, "force_upcast", False))
    if wide:
        vae.to(dtype=torch.float32)
    try:
        yield torch.float32 if wide else vae.dtype
    finally:
        if wide:
            vae.to(dtype=model.dtype)
