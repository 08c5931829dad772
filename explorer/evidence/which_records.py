"""What goes on record of which of several models made a picture, and the plan of it; light enough for screens.

Times and noises were chosen before any picture was measured: small times look at detail, large ones at layout.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from explorer.findings.finding import Finding
from explorer.records import ModelRef

BUNDLED = "world"  # as a source of other pictures: the bundled control works
MOST_MODELS = 8
FEWEST_PICTURES = 19  # of a source; with fewer it could never be ruled out at the level of 0.05


@dataclass(frozen=True)
class WhichPlan:
    """Each model makes `pictures` pictures from as many prompts, seeds from 0 on, at its usual settings.

    Errors are taken without words at `times` (thousandths of the way to noise) under `noises` noises each. A source
    of pictures is ruled out at p <= `level`.
    """

    pictures: int = 39
    times: tuple[int, ...] = (50, 150, 300, 450, 600, 750)
    noises: int = 2
    level: float = 0.05

    @property
    def id(self) -> str:
        """A name for these settings, the same on every machine."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def evaluations(self, models: int, *, others: int = 0) -> int:
        """Of the network, when so many models look at all pictures and the subject; 0: as many others."""
        return models * (models * self.pictures + (others or self.pictures) + 1) * len(self.times) * self.noises


@dataclass(frozen=True)
class Candidate:
    """A model that was asked; `p` is the picture's rank among the model's own pictures: small is unlike them."""

    model: ModelRef
    name: str
    p: float
    first_loss: float  # of its autoencoder; about 0 for what it decoded itself
    error: float  # log of its error on the picture without words, mean over times
    autoencoder: str  # SHA-256 of its weights; those with the same one leave the same mark


@dataclass(frozen=True)
class WhichModel:
    """One answer to which of several models made a subject, or none of them; under its test's id."""

    id: str
    subject_id: str
    plan: str
    candidates: tuple[Candidate, ...]
    others_p: float  # the picture's rank among pictures that none of the models made
    others: str  # where those are from, in words
    pictures: int  # of each model
    other_pictures: int
    level: float
    prompts_sha256: str
    evaluations: int
    finding: Finding
    earlier_tests: int = 0  # of the same subject in the case, with other models, prompts or pictures
