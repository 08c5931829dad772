"""The subject changed before it is tested, members and held-out alike; controls and thresholds stay."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from explorer.findings.finding import ControlResults
from explorer.search.fit_size import fit
from tests.benchmarks import findings_measure as measure
from tests.benchmarks.findings_bank import Bank


def jpeg_60(rgb: np.ndarray) -> np.ndarray:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=60)
    return np.asarray(Image.open(out).convert("RGB"))


def cropped_10(rgb: np.ndarray) -> np.ndarray:
    """A tenth of each side gone."""
    height, width = rgb.shape[:2]
    top, left = height // 20, width // 20
    return rgb[top:height - top or None, left:width - left or None]


def mirrored(rgb: np.ndarray) -> np.ndarray:
    return rgb[:, ::-1].copy()


def recoloured(rgb: np.ndarray) -> np.ndarray:
    """Hue turned by a tenth of the circle, saturation lowered."""
    hsv = np.asarray(Image.fromarray(rgb).convert("HSV")).astype(int)
    hsv[..., 0] = (hsv[..., 0] + 26) % 256
    hsv[..., 1] = hsv[..., 1] * 85 // 100
    return np.asarray(Image.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB"))


def photographed(rgb: np.ndarray) -> np.ndarray:
    """As by a hand-held camera: perspective and blur."""
    image = Image.fromarray(rgb)
    w, h = image.size
    inward = (0.04 * w, 0.03 * h, -0.02 * w, 1.02 * h, 0.97 * w, 0.98 * h, 1.01 * w, -0.01 * h)  # nw, sw, se, ne
    bent = image.transform((w, h), Image.Transform.QUAD, inward, Image.Resampling.BICUBIC,
                           fillcolor=(255, 255, 255))
    return np.asarray(bent.filter(ImageFilter.GaussianBlur(max(w, h) / 200)))


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "jpeg_60": jpeg_60, "cropped_10": cropped_10, "mirrored": mirrored, "recoloured": recoloured,
    "photographed": photographed}


def robustness(subjects: measure.Subjects, bank: Bank, prompts: list[str], pictures: np.ndarray,
               controls: ControlResults) -> dict[str, dict[str, float]]:
    """For each change: AUC, TPR at 1% FPR, and the shares really flagged at p <= 0.01 and 0.05; no alignment."""
    groups, result = subjects.groups, {}
    strong = np.concatenate([groups[g] for g in measure.STRONG])
    for name, change in CHANGES.items():
        shown = [change(rgb) for rgb in subjects.shown]
        small = np.stack([fit(rgb, height_px=64, width_px=64) for rgb in shown])
        values = measure.closest(small, bank)
        found = measure.told(subjects, prompts, pictures, shown=shown)
        ours, p = measure.excess(values, found, controls), measure.p_values(values, found, controls)
        result[name] = {**measure.separation(ours, strong, groups["test"]), **{
            f"{who}_flagged_at_{n}": measure.flagged(p[rows], n / 100)["share"]
            for who, rows in (("members", strong), ("held_out", groups["test"])) for n in (1, 5)}}
    return result
