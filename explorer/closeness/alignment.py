"""Laying one picture over another before they are compared: shift, scale, mirror, colour, as asked.

Alignment can only bring pictures nearer, strangers too. Scores after it may be compared with each other
and with controls that were aligned in the same way, never with unaligned ones; so what was done is
always returned and shown.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explorer.closeness.pixel_scores import grey, l2
from explorer.texts import say

OPTIONS = ("shift", "scale", "mirror", "colour")
SCALES = (0.8, 0.84, 0.88, 0.92, 0.96, 1.0, 1.04, 1.08, 1.13, 1.19, 1.25)
MAX_SHIFT = 0.25  # of a side
_WHITE = (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Aligned:
    """The other picture laid over the subject: `rgb` (h, w, 3) uint8 and what was done to it."""

    rgb: np.ndarray
    shift_px: tuple[int, int] = (0, 0)  # right, down
    scale: float = 1.0
    mirrored: bool = False
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)  # in [-1, 1] of the full range

    def words(self) -> str:
        """What was done, in plain words."""
        done = [say("note.closeness.mirrored")] if self.mirrored else []
        if self.scale != 1.0:
            done.append(say("note.closeness.scaled", scale=self.scale))
        if self.shift_px != (0, 0):
            done.append(say("note.closeness.shifted", right=self.shift_px[0], down=self.shift_px[1]))
        if self.gain != (1.0, 1.0, 1.0) or self.offset != (0.0, 0.0, 0.0):
            done.append(say("note.closeness.colours_fitted_one"))
        return ", ".join(done) or say("note.closeness.nothing_done")


def align(subject_rgb: np.ndarray, other_rgb: np.ndarray, options: Collection[str]) -> Aligned:
    """The other picture brought nearest to the subject by the given `options` (of OPTIONS).

    Both (h, w, 3) uint8 of one size. Shifts up to a quarter of a side by phase correlation, scales 0.8
    to 1.25 in eleven steps; what moves in from outside is white. ValueError for an unknown option.
    """
    unknown = set(options) - set(OPTIONS)
    if unknown or subject_rgb.shape != other_rgb.shape:
        raise ValueError(f"unknown options {sorted(unknown)}" if unknown else "pictures of two sizes")
    best, best_distance = Aligned(other_rgb), l2(subject_rgb, other_rgb)
    for mirrored in ((False, True) if "mirror" in options else (False,)):
        for scale in (SCALES if "scale" in options else (1.0,)):
            moved = _scaled(other_rgb[:, ::-1] if mirrored else other_rgb, scale)
            shift = _best_shift(subject_rgb, moved) if "shift" in options else (0, 0)
            candidate = _shifted(moved, shift)
            distance = l2(subject_rgb, candidate)
            if distance < best_distance - 1e-6:
                best, best_distance = Aligned(candidate, shift, scale, mirrored), distance
    return _coloured(subject_rgb, best) if "colour" in options else best


def _scaled(rgb: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1.0:
        return np.ascontiguousarray(rgb)
    h, w = rgb.shape[:2]
    image = Image.fromarray(np.ascontiguousarray(rgb), "RGB")
    image = image.resize((max(1, round(w * scale)), max(1, round(h * scale))), Image.Resampling.LANCZOS)
    page = Image.new("RGB", (w, h), _WHITE)
    page.paste(image, ((w - image.width) // 2, (h - image.height) // 2))
    return np.asarray(page)


def _best_shift(subject: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    """(right, down) in pixels at the peak of the phase correlation of the two brightness fields."""
    a, b = (1.0 - grey(rgb) for rgb in (subject, other))
    cross = np.fft.rfft2(a - a.mean()) * np.conj(np.fft.rfft2(b - b.mean()))
    peak = np.fft.irfft2(cross / (np.abs(cross) ** 0.5 + 1e-9), s=a.shape)
    for axis, size in enumerate(a.shape):
        far = np.arange(size)
        outside = np.minimum(far, size - far) > MAX_SHIFT * size
        peak[(outside, slice(None)) if axis == 0 else (slice(None), outside)] = -np.inf
    down, right = np.unravel_index(int(peak.argmax()), peak.shape)
    h, w = a.shape
    return (int(right) - w if right > w // 2 else int(right), int(down) - h if down > h // 2 else int(down))


def _shifted(rgb: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    if shift == (0, 0):
        return rgb
    right, down = shift
    h, w = rgb.shape[:2]
    out = np.full_like(rgb, 255)
    out[max(0, down):h + min(0, down), max(0, right):w + min(0, right)] = \
        rgb[max(0, -down):h - max(0, down), max(0, -right):w - max(0, right)]
    return out


def _coloured(subject: np.ndarray, found: Aligned) -> Aligned:
    """Least-squares gain in [0.5, 2] and offset for each channel; kept only if it brings them nearer."""
    x, y = found.rgb.reshape(-1, 3) / 255.0, subject.reshape(-1, 3) / 255.0
    spread = x.var(axis=0)
    covariance = ((x - x.mean(axis=0)) * (y - y.mean(axis=0))).mean(axis=0)
    gain = np.clip(np.where(spread > 1e-6, covariance / np.maximum(spread, 1e-6), 1.0), 0.5, 2.0)
    offset = np.clip(y.mean(axis=0) - gain * x.mean(axis=0), -1, 1)
    rgb = np.clip(np.rint((x * gain + offset) * 255), 0, 255).astype(np.uint8).reshape(found.rgb.shape)
    if l2(subject, rgb) >= l2(subject, found.rgb) - 1e-4:
        return found
    return Aligned(rgb, found.shift_px, found.scale, found.mirrored, tuple(map(float, gain)),
                   tuple(map(float, offset)))
