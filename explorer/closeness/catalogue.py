"""Every closeness score by name: range, direction, and in plain words what it means and misses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScoreInfo:
    """How to read one score. `low` and `high` bound what it can be; `better` says which end is closer."""

    name: str
    label: str
    low: float
    high: float
    better: str  # "higher" | "lower"
    unit: str  # "" for none
    plain: str  # what the number means
    moves: str  # what changes it
    blind_to: str  # what it cannot see
    source: str = ""  # the paper or package that defines it
    decimals: int = 3


def _info(*args, **named) -> tuple[str, ScoreInfo]:
    return args[0], ScoreInfo(*args, **named)


SCORES: dict[str, ScoreInfo] = dict((
    _info("tiled_l2", "Tiled distance", 0.0, 1.0, "lower", "",
          "The picture is cut into 16 tiles; this is the typical colour difference in the tile that fits "
          "worst. 0 is the same picture; the literature calls below 0.15 a near copy at 512 pixels.",
          "Any local difference, a shift by a few pixels, a change of colour.",
          "Meaning: the same drawing shifted, mirrored or recoloured looks far; nearly empty ones near.",
          "Carlini et al. 2023, with 4 × 4 tiles"),
    _info("tiled_l2_masked", "Tiled distance without flat background", 0.0, 1.0, "lower", "",
          "The tiled distance, counted only where at least one of the two pictures has something drawn.",
          "As the tiled distance, and how much of the picture is drawn on.",
          "As the tiled distance; it says nothing where both pictures are flat.",
          "Carlini et al. 2023, masked"),
    _info("l2", "Distance", 0.0, 1.0, "lower", "",
          "The typical colour difference over the whole picture; 0 is the same picture.",
          "Any difference in colour or place, averaged over the picture.",
          "A small part that is the same inside a different picture.",
          "root mean square, pixels in [0, 1]"),
    _info("psnr", "PSNR", 0.0, 100.0, "higher", "dB",
          "Signal to noise: above about 30 the two are hard to tell apart; below about 15 they share "
          "little but tone. 100 stands for identical.",
          "Colour differences averaged over the picture.",
          "Structure: blur and noise of the same size score alike; shifts look like strangers.", decimals=1),
    _info("psnr_masked", "PSNR without flat background", 0.0, 100.0, "higher", "dB",
          "PSNR counted only where at least one of the two pictures has something drawn.",
          "Colour differences in the drawn part.", "As PSNR; it says nothing where both are flat.",
          decimals=1),
    _info("ssim", "SSIM", -1.0, 1.0, "higher", "",
          "How alike light, contrast and structure are in small windows; 1 is the same picture.",
          "Blur, noise, shifts by a few pixels, lost detail.",
          "Colour (it looks at brightness only); flat areas count as alike.", "Wang et al. 2004"),
    _info("ssim_masked", "SSIM without flat background", -1.0, 1.0, "higher", "",
          "SSIM counted only where at least one of the two pictures has something drawn.",
          "As SSIM.", "Colour; it says nothing where both are flat.", "Wang et al. 2004, masked"),
    _info("ms_ssim", "MS-SSIM (five scales)", 0.0, 1.0, "higher", "",
          "SSIM at five sizes of the picture, weighted as people judge; 1 is the same picture.",
          "Lost structure at any size.", "Colour; large flat areas count as alike.", "Wang et al. 2003"),
    _info("ms_ssim_few", "MS-SSIM with fewer scales", 0.0, 1.0, "higher", "",
          "MS-SSIM for pictures under 160 pixels, with as many of its five sizes as fit. Not to be compared "
          "with the five-scale figure.",
          "Lost structure at the sizes that fit.", "Colour; large flat areas count as alike.",
          "Wang et al. 2003, fewer scales"),
    _info("edge_cosine", "Outline agreement", -1.0, 1.0, "higher", "",
          "Whether the outlines run in the same places and directions; 1 is the same drawing, 0 chance.",
          "Where lines are and which way they go.", "Colour, filling and how strong a line is.",
          "cosine of image gradients"),
    _info("phash", "Perceptual hash distance", 0.0, 64.0, "lower", "bits",
          "Bits that differ between two 64-bit summaries of the coarse pattern; strangers differ in some 32.",
          "The coarse layout of light and dark.", "Detail, colour, and anything cropped, turned or mirrored.",
          "ImageHash, DCT hash", decimals=0),
    _info("dhash", "Difference hash distance", 0.0, 64.0, "lower", "bits",
          "Bits that differ between two 64-bit summaries of where the picture gets lighter to the right.",
          "Left-right changes of light.", "Detail and colour; large flat areas make it jump.",
          "ImageHash, gradient hash", decimals=0),
    _info("colour_hash", "Colour hash distance", 0.0, 42.0, "lower", "bits",
          "Bits that differ between two short summaries of which colours occur.",
          "How much of each colour there is.", "Where anything is.", "ImageHash, HSV shares", decimals=0),
    _info("clip_cosine", "CLIP similarity", -1.0, 1.0, "higher", "",
          "How alike the two are in meaning, as the CLIP model in use sees them.",
          "Subject, style, composition.", "Exact places and lines: two different cats on a mat are near.",
          "Radford et al. 2021"),
    _info("efficientnet", "Learned perceptual distance", 0.0, 4.0, "lower", "",
          "How different the two look to a network trained to name photographs, compared place by place; "
          "0 is the same picture, strangers among clip art are mostly above 0.8.",
          "Shapes and textures, less so small shifts and tones.",
          "Style finer than its layers see; it was never fitted to people's judgements, unlike LPIPS.",
          "as Zhang et al. 2018 without fitted weights; EfficientNet-Lite0 weights from a package"),
    _info("copy_cosine", "Copy-detection similarity", -1.0, 1.0, "higher", "",
          "How alike two compact descriptions are that are made to survive cropping, mirroring and "
          "recompression; 1 is the same picture, strangers among clip art reach about 0.7.",
          "The picture's parts and textures, wherever they are.",
          "Fine detail; it is weaker than SSCD and its 0.5 rule must not be used here.",
          "GeM-pooled EfficientNet-Lite0 over views, after Berman et al. 2019"),
))

PIXEL_SCORES = ("tiled_l2", "tiled_l2_masked", "l2", "psnr", "psnr_masked", "ssim", "ssim_masked", "ms_ssim",
                "ms_ssim_few", "edge_cosine", "phash", "dhash", "colour_hash")


def is_better(name: str, a: float, b: float) -> bool:
    """Whether value `a` of score `name` is closer than `b`; KeyError for an unknown score."""
    return a > b if SCORES[name].better == "higher" else a < b


def sort_key(name: str):
    """A key function on values of score `name` that puts the closest first."""
    sign = -1.0 if SCORES[name].better == "higher" else 1.0
    return lambda value: sign * value


def shown(name: str, value: float) -> str:
    """A score's value as text with its unit, rounded as the catalogue says."""
    info = SCORES[name]
    return f"{value:.{info.decimals}f}" + (f" {info.unit}" if info.unit else "")
