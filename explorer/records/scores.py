"""Every closeness score by name: range and direction; its words stand in `texts/…/scores.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.texts import localised, say, texts_of


@dataclass(frozen=True)
class ScoreInfo:
    """How to read one score. `low` and `high` bound what it can be; `better` says which end is closer."""

    name: str
    low: float
    high: float
    better: str  # "higher" | "lower"
    decimals: int = 3

    @property
    def label(self) -> str:
        return say(f"score.{self.name}.label")

    @property
    def unit(self) -> str:
        """The unit of its values; "" for none."""
        return texts_of(f"score.{self.name}").get("unit", "")

    @property
    def plain(self) -> str:
        """What the number means."""
        return say(f"score.{self.name}.plain")

    @property
    def blind_to(self) -> str:
        """What it cannot see."""
        return say(f"score.{self.name}.blind_to")

    @property
    def source(self) -> str:
        """The paper or package that defines it; "" for the project's own."""
        return texts_of(f"score.{self.name}").get("source", "")


SCORES: dict[str, ScoreInfo] = {score.name: score for score in (
    ScoreInfo("tiled_l2", 0.0, 1.0, "lower"),
    ScoreInfo("tiled_l2_masked", 0.0, 1.0, "lower"),
    ScoreInfo("l2", 0.0, 1.0, "lower"),
    ScoreInfo("psnr", 0.0, 100.0, "higher", decimals=1),
    ScoreInfo("psnr_masked", 0.0, 100.0, "higher", decimals=1),
    ScoreInfo("ssim", -1.0, 1.0, "higher"),
    ScoreInfo("ssim_masked", -1.0, 1.0, "higher"),
    ScoreInfo("ms_ssim", 0.0, 1.0, "higher"),
    ScoreInfo("ms_ssim_few", 0.0, 1.0, "higher"),
    ScoreInfo("edge_cosine", -1.0, 1.0, "higher"),
    ScoreInfo("phash", 0.0, 64.0, "lower", decimals=0),
    ScoreInfo("dhash", 0.0, 64.0, "lower", decimals=0),
    ScoreInfo("colour_hash", 0.0, 42.0, "lower", decimals=0),
    ScoreInfo("clip_cosine", -1.0, 1.0, "higher"),
    ScoreInfo("efficientnet", 0.0, 4.0, "lower"),
    ScoreInfo("copy_cosine", -1.0, 1.0, "higher"),
)}

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
    number = localised(f"{value:.{info.decimals}f}")
    return f"{number} {info.unit}" if info.unit else number
