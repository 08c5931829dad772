"""The bank ran under bfloat16 autocast, a person's search runs in the model's own arithmetic: what that changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import bootstrap

from explorer.closeness.pixel_scores import compare
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import sample
from explorer.findings.finding import ControlResults
from explorer.records.policy import Policy
from explorer.search.expand import expand
from explorer.search.measured_search import settings_of
from tests.benchmarks import findings_measure as measure


def arithmetic(model: Model, subjects: measure.Subjects, prompts: Sequence[Sequence[str]], policy: Policy, *,
               values: np.ndarray, found: list[dict], controls: ControlResults, works: int = 30) -> dict:
    """The app's own search of `works` held-out and as many much-seen works, against the bank's `values` (n,).

    Differences are the app's closest distance less the bank's; `sides_changed` counts works whose p-value lies
    on the other side of 0.05.
    """
    strong = np.concatenate([subjects.groups[g] for g in measure.STRONG])
    where = np.concatenate([part[np.linspace(0, len(part) - 1, works).astype(int)]
                            for part in (subjects.groups["test"], strong)])
    own = np.array([_closest(model, subjects.small[i], policy, prompts[i]) for i in where])
    gap, facts = own - values[where], [found[i] for i in where]
    spread = bootstrap((gap,), np.mean, rng=np.random.default_rng(0)).confidence_interval
    p = [measure.p_values(v, facts, controls) for v in (own, values[where])]
    return {"works": len(where), "mean_difference": float(gap.mean()), "low": float(spread.low),
            "high": float(spread.high), "largest": float(np.abs(gap).max()),
            "sides_changed": int(((p[0] <= 0.05) != (p[1] <= 0.05)).sum()),
            "ran_as": f"{model.precision} on {model.device.type}"}


def _closest(model: Model, picture: np.ndarray, policy: Policy, prompts: Sequence[str]) -> float:
    recipes = expand(settings_of(policy, prompts), model=model.ref, info=model.info)
    return min(compare(picture, e.rgb, only=(policy.score,))[policy.score]
               for start in range(0, len(recipes), model.policy.batch)
               for e in sample(model, recipes[start:start + model.policy.batch]))
