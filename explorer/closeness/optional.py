"""Learned scores whose weights are not shipped: used where a person has them on disk, never fetched.

LPIPS and DISTS come from torchmetrics, whose backbones lie in torch's own cache once something has put
them there; DINOv2 is a transformers folder with safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from explorer.errors import ExplorerError
from explorer.foreign.configs import check_config, check_no_code
from explorer.foreign.loading import opening
from explorer.foreign.private import private_folder
from explorer.foreign.reading import read_json
from explorer.foreign.sizes import check_size
from explorer.images.prepare import fit_square

_BACKBONES = {"lpips": ("alexnet-owt-7be5be79.pth", "squeezenet1_1-b8a52dc0.pth"), "dists": ("vgg16-397923af.pth",)}
_NETS = {"alexnet-owt-7be5be79.pth": "alex", "squeezenet1_1-b8a52dc0.pth": "squeeze"}
_DINOV2 = {"dinov2": "Dinov2Model", "dinov2_with_registers": "Dinov2WithRegistersModel"}
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
        _check_tensors(self.hub / file)
        with _hub_at(self.hub.parent):
            return LearnedPerceptualImagePatchSimilarity(net_type=_NETS[file], normalize=True).to(self.device)

    @cached_property
    def _dists(self) -> torch.nn.Module:
        from torchmetrics.image.dists import DeepImageStructureAndTextureSimilarity
        _check_tensors(self.hub / _BACKBONES["dists"][0])
        with _hub_at(self.hub.parent):
            return DeepImageStructureAndTextureSimilarity().to(self.device)

    def _has_dinov2(self) -> bool:
        return (self.dinov2 / "config.json").is_file() and any(self.dinov2.glob("*.safetensors"))

    @cached_property
    def _dinov2(self) -> torch.nn.Module:
        import transformers
        check_no_code(self.dinov2)
        config = read_json(self.dinov2 / "config.json")
        check_config(config, self.dinov2 / "config.json")
        if str(config.get("model_type")) not in _DINOV2:
            raise ExplorerError(f"The DINOv2 folder {self.dinov2} holds a model of another kind "
                                f"({config.get('model_type')!r:.60}). Choose the folder of a DINOv2 model.")
        files = {p.name: p for p in self.dinov2.glob("*.safetensors")}
        with private_folder({**files, "config.json": json.dumps(config).encode()}) as folder, opening(
                f"The DINOv2 folder {self.dinov2}", then="Choose another folder, or get its files again."):
            kind = getattr(transformers, _DINOV2[config["model_type"]])
            check_size(lambda: kind(kind.config_class.from_dict(config)), files.values(), str(self.dinov2))
            model = kind.from_pretrained(
                folder, local_files_only=True, use_safetensors=True)
        return model.eval().to(self.device)


def _check_tensors(file: Path) -> None:
    """ExplorerError unless a file of torch's cache holds plain tensors: torchvision opens it as it is."""
    try:
        torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds; each means that it is not what it should be
        raise ExplorerError(f"{file} in torch's cache is damaged, or would run a program when it is opened. Remove "
                            "it, or get it again.") from error


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
