"""Learned scores whose weights are not shipped: used where a person has them on disk, never fetched.

LPIPS and DISTS come from torchmetrics, whose backbones lie in torch's own cache once something has put
them there; DINOv2 is a transformers folder with safetensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError

from explorer.errors import ExplorerError
from explorer.images.prepare import fit_square

_BACKBONES = {"lpips": ("alexnet-owt-7be5be79.pth", "squeezenet1_1-b8a52dc0.pth"), "dists": ("vgg16-397923af.pth",)}
_NETS = {"alexnet-owt-7be5be79.pth": "alex", "squeezenet1_1-b8a52dc0.pth": "squeeze"}
_SMALLEST_PX = 224
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class OptionalScores:
    """Whichever of "lpips", "dists" and "dinov2" have their weights; `names` says which."""

    def __init__(self, *, hub: Path | None = None, dinov2: Path | None = None, device: str = "cpu"):
        """`hub` is torch's cache folder (its default without one); `dinov2` a transformers model folder."""
        self.hub = Path(hub or torch.hub.get_dir()) / "checkpoints"
        self.dinov2, self.device = dinov2, device

    @property
    def names(self) -> tuple[str, ...]:
        """Scores that can be computed here, without loading anything."""
        found = [name for name, files in _BACKBONES.items() if any((self.hub / f).is_file() for f in files)]
        return (*found, *(["dinov2"] if self.dinov2 is not None and self._has_dinov2() else []))

    def compare(self, subject_rgb: np.ndarray, others_rgb: Sequence[np.ndarray]) -> list[dict[str, float]]:
        """The available scores of each other picture to the subject; (h, w, 3) uint8, any size."""
        size = max(_SMALLEST_PX, *subject_rgb.shape[:2])
        one = _tensor(subject_rgb, size).to(self.device)
        return [{name: self._score(name, one, _tensor(other, size).to(self.device)) for name in self.names}
                for other in others_rgb]

    @torch.inference_mode()
    def _score(self, name: str, a: torch.Tensor, b: torch.Tensor) -> float:
        if name == "lpips":
            return float(self._lpips(a, b))
        if name == "dists":
            return float(self._dists(a, b))
        pair = torch.cat([a, b])  # (2, 3, h, w)
        mean, std = (torch.tensor(v, device=self.device).view(1, 3, 1, 1) for v in (_MEAN, _STD))
        pair = F.interpolate((pair - mean) / std, size=(_SMALLEST_PX,) * 2, mode="bilinear", antialias=True)
        first, second = F.normalize(self._dinov2(pair).last_hidden_state[:, 0], dim=1)  # (d,) each
        return float(first @ second)

    @cached_property
    def _lpips(self) -> torch.nn.Module:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
        file = next(f for f in _BACKBONES["lpips"] if (self.hub / f).is_file())
        with _hub_at(self.hub.parent):
            return LearnedPerceptualImagePatchSimilarity(net_type=_NETS[file], normalize=True).to(self.device)

    @cached_property
    def _dists(self) -> torch.nn.Module:
        from torchmetrics.image.dists import DeepImageStructureAndTextureSimilarity
        with _hub_at(self.hub.parent):
            return DeepImageStructureAndTextureSimilarity().to(self.device)

    def _has_dinov2(self) -> bool:
        return (self.dinov2 / "config.json").is_file() and any(self.dinov2.glob("*.safetensors"))

    @cached_property
    def _dinov2(self) -> torch.nn.Module:
        from transformers import AutoModel
        try:
            model = AutoModel.from_pretrained(self.dinov2, local_files_only=True, use_safetensors=True,
                                              trust_remote_code=False)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ExplorerError("closeness.optional_dinov2_folder_cannot", dinov2=self.dinov2,
                                error=error) from error
        return model.eval().to(self.device)


class _hub_at:
    """Torch's cache folder for a while."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __enter__(self) -> None:
        self.before = torch.hub.get_dir()
        torch.hub.set_dir(str(self.folder))

    def __exit__(self, *_: object) -> None:
        torch.hub.set_dir(self.before)


def _tensor(rgb: np.ndarray, size: int) -> torch.Tensor:
    """(1, 3, size, size) float32 in [0, 1]."""
    square = fit_square(rgb, size).astype(np.float32) / 255.0
    return torch.from_numpy(square).permute(2, 0, 1)[None].contiguous()
