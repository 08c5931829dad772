"""Quick looks at unfinished images: a linear map from latents to colours, fitted while images are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from explorer.diffusion.models import Model

ENOUGH_CELLS = 256


class LatentPreview:
    """Least squares from a latent cell (c values and a constant) to the mean colour of its pixels.

    Where the model decodes with AutoencoderTiny anyway, that is used instead; it costs little.
    """

    def __init__(self, model: Model, *, channels: int | None = None) -> None:
        """`channels` are those of the latents, where the model has no family to tell them."""
        channels = channels or model.family.latent_shape[0]
        self._model = model
        self._tiny = type(getattr(model.pipe, "vae", None)).__name__ == "AutoencoderTiny"
        self._gram = torch.eye(channels + 1, dtype=torch.float64) * 1e-3  # ridge, so that few cells do
        self._moment = torch.zeros(channels + 1, 3, dtype=torch.float64)
        self.cells = 0

    @property
    def ready(self) -> bool:
        return self._tiny or self.cells >= ENOUGH_CELLS

    def learn(self, latents: np.ndarray, rgb: np.ndarray) -> None:
        """One finished image: `latents` (c, h, w) and its pixels (h·f, w·f, 3) uint8.

        Where they are of other shapes nothing is learned: some pipelines resize what they drew.
        """
        if latents.ndim != 3 or not latents.size:
            return
        channels, height, width = latents.shape
        cell = rgb.shape[0] // height
        if rgb.shape[:2] != (height * cell, width * cell) or not cell:
            return
        colours = rgb.reshape(height, cell, width, cell, 3).mean((1, 3)).reshape(-1, 3) / 255.0
        rows = _with_constant(torch.from_numpy(latents).reshape(channels, -1).T)
        self._gram += rows.T @ rows
        self._moment += rows.T @ torch.from_numpy(colours)
        self.cells += height * width

    def look(self, x0: torch.Tensor) -> np.ndarray:
        """(n, h, w, 3) uint8 of predicted clean latents (n, c, h, w): one pixel a cell, or decoded."""
        if self._tiny:
            from explorer.diffusion.autoencoder import decode
            return decode(self._model, x0)
        count, channels, height, width = x0.shape
        rows = _with_constant(x0.float().cpu().permute(0, 2, 3, 1).reshape(-1, channels))
        colours = rows @ torch.linalg.solve(self._gram, self._moment)
        return (colours.clamp(0, 1) * 255).round().to(torch.uint8).reshape(count, height, width, 3).numpy()


def _with_constant(rows: torch.Tensor) -> torch.Tensor:
    return torch.cat([rows.double(), torch.ones(len(rows), 1, dtype=torch.float64)], 1)
