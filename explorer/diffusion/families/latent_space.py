"""Between an autoencoder's latents and those that a network works on."""

from __future__ import annotations

from typing import Any

import torch

from explorer.errors import ExplorerError


class LatentSpace:
    """A pipeline's autoencoder; as it stands it fits every pipeline whose `vae` makes latents (n, c, h, w)."""

    def __init__(self, pipe: Any, dtype: torch.dtype) -> None:
        """`dtype` is that of the network's latents."""
        self.pipe, self.latents_dtype = pipe, dtype

    @property
    def vae(self) -> Any:
        """The autoencoder; ExplorerError for a pipeline without one of the usual kind."""
        vae = getattr(self.pipe, "vae", None)
        if vae is None:
            raise ExplorerError("diffusion.latent_space_model_no_autoencoder")
        return vae

    def posterior(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(mean, spread) of the latents of `pixels` (1, 3, h, w) in [-1, 1]; no spread where there is none."""
        out = self.vae.encode(pixels)
        spread = getattr(out, "latent_dist", None)
        return (out.latents, None) if spread is None else (spread.mean, spread.std)

    def pixels(self, raw: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) in [-1, 1] of the autoencoder's latents."""
        return self.vae.decode(raw, return_dict=False)[0]

    def latents_of(self, raw: torch.Tensor) -> torch.Tensor:
        """The network's latents from the autoencoder's."""
        shift, scale = self.normal(raw)
        return (raw - shift) * scale

    def raw_of(self, latents: torch.Tensor) -> torch.Tensor:
        """The autoencoder's latents from the network's."""
        shift, scale = self.normal(latents)
        return latents / scale + shift

    def normal(self, like: torch.Tensor) -> tuple[torch.Tensor | float, torch.Tensor | float]:
        """(shift, scale) with latents = (the autoencoder's - shift)·scale."""
        config = self.vae.config
        return getattr(config, "shift_factor", None) or 0.0, config.scaling_factor
