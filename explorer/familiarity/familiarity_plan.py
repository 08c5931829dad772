"""What a test of familiarity does, fixed before it begins and the same for every control; light enough for screens.

Times, noises and how prompts are combined were chosen on tuning works of the bundled world; what was tried, and
what had been seen of test works by then, stands in `assets/world/familiarity_choice.json`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np

from explorer.errors import ExplorerError
from explorer.records.fit_plan import FitPlan


@dataclass(frozen=True)
class Plan:
    """Errors are taken at `times` (thousandths of the way to noise) under `noises` noises, seeds from 0 on.

    `words` names where they come from: "caption" (those given with the picture), "recovered" (the first `prompts`
    that the measured test recovers) or "fitted" (an embedding fitted from empty words by `fit`).
    """

    words: str
    times: tuple[int, ...]
    noises: int
    prompts: int = 1
    fit: FitPlan | None = None

    @property
    def id(self) -> str:
        """A name for these settings, the same on every machine."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def evaluations(self, prompts: int = 0) -> int:
        """Of the network for a picture with so many prompts (0: all); a gradient step counts three times."""
        used = min(prompts or self.prompts, self.prompts)
        return (used + 1) * len(self.times) * self.noises + (self.fit.evaluations * used if self.fit else 0)


PLANS: dict[str, Plan] = {plan.words: plan for plan in (
    Plan("caption", (650, 750, 850), 4),
    Plan("recovered", (650, 750, 850), 2, prompts=4),
    Plan("fitted", (650, 750, 850), 1, fit=FitPlan(steps=8, draws=2, rate=0.1, times=(650, 750, 850))),
)}


def plan_for(words: str) -> Plan:
    """The plan for a source of words; ExplorerError for one that is not offered."""
    if words not in PLANS:
        raise ExplorerError("familiarity.no_such_words", words=words, offered=", ".join(PLANS))
    return PLANS[words]


def combined(gaps: np.ndarray) -> float:
    """The statistic of one picture from its prompts' gaps (prompts, times): the best prompt's mean over times."""
    return float(gaps.mean(1).max())
