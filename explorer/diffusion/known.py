"""A short list of models that people ask about, each at a fixed revision; nothing here is fetched by itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownModel:
    """A hub id at a fixed revision. `size_bytes` is about what the half-precision weights take."""

    id: str
    revision: str
    name: str
    family: str
    licence: str
    size_bytes: int

    @property
    def source(self) -> str:
        """The id with its revision, as the rest of the program names a model."""
        return f"{self.id}@{self.revision}"


KNOWN = (
    KnownModel("stable-diffusion-v1-5/stable-diffusion-v1-5", "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
               "Stable Diffusion 1.5", "sd1", "CreativeML Open RAIL-M", 2_700_000_000),
    KnownModel("CompVis/stable-diffusion-v1-4", "133a221b8aa7292a167afc5127cb63fb5005638b",
               "Stable Diffusion 1.4", "sd1", "CreativeML Open RAIL-M", 2_700_000_000),
    KnownModel("stabilityai/stable-diffusion-xl-base-1.0", "462165984030d82259a11f4367a4eed129e94a7b",
               "Stable Diffusion XL base 1.0", "sdxl", "CreativeML Open RAIL++-M", 7_000_000_000),
)
