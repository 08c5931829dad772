"""What is known of every family before a model is loaded; light enough for screens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FamilyFacts:
    """A family of models. `own_loop`: our sampler runs it, and can look inside a run."""

    key: str  # as ModelInfo and recipes hold it
    label: str
    own_loop: bool = True


FAMILIES: dict[str, FamilyFacts] = {f.key: f for f in (
    FamilyFacts("sd1", "Stable Diffusion 1"),
    FamilyFacts("sd2", "Stable Diffusion 2"),
    FamilyFacts("sdxl", "Stable Diffusion XL"),
    FamilyFacts("other", "another family", own_loop=False),
)}


def facts(family: str) -> FamilyFacts:
    """The facts of a family; those of "other" for one that is not known."""
    return FAMILIES.get(family, FAMILIES["other"])
