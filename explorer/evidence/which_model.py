"""Which of several models made a picture, or none of them: every source that cannot have is ruled out, by rank.

A source is a model with pictures that it made, or a set of pictures that none of the models made. A picture from a
source is less like that source's pictures than all but a share of them in as few cases as the share says (full
conformal prediction: Vovk, Gammerman and Shafer 2005, chapter 2). A model is named only if it alone is left, so a
picture from any source that was asked is given a wrong name at most as often as its own is ruled out. For a source
that was not asked there is no such bound, only what was measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explorer.evidence.which_records import Candidate
from explorer.findings.control_fit import covariance_of
from explorer.findings.finding import Finding
from explorer.findings.wording import number, percent
from explorer.statistics import share_interval
from explorer.texts import say

OTHERS = -1  # pictures by none of the models; below it the same pictures sent through a model's autoencoder
WIDE = 4.0  # how much broader than all pictures together a source that was not asked is taken to be
BENCHMARK = Path("results") / "bench_which_model.json"  # below the world's folder
LIMITS = {"one": ("only_asked", "unnoticed", "settings"), "several": ("only_asked", "unnoticed", "settings"),
          "none": ("changed", "settings"), "open": ("changed", "settings")}


@dataclass(frozen=True)
class Left:
    """Which models (by place), and which pictures by none, cannot be ruled out; `kind` is what is said of it.

    `through`: pictures by none, sent through a model's autoencoder. They keep no model from being named, for they
    have its mark by right; the sentence below the answer then says that they are left.
    """

    models: tuple[int, ...]
    others: bool
    through: bool = False

    @property
    def kind(self) -> str:
        """"one", "several", "none", or "open": a model is left, but pictures by none look like that, too."""
        if not self.models:
            return "none"
        if self.others:
            return "open"
        return "one" if len(self.models) == 1 else "several"


def signs(measured: np.ndarray) -> np.ndarray:
    """(n, 2k + 2) from (n, k, 2): what k models say of n pictures, (first loss, log error) each.

    Means say how hard a picture is for all, the differences from them which model knows its kind.
    """
    middle = measured.mean(1)  # (n, 2)
    return np.concatenate([middle, (measured - middle[:, None]).reshape(len(measured), -1)], 1)


class Spread:
    """A normal density fitted to (n, d); its covariance drawn a tenth to the diagonal, `wide` times as large."""

    def __init__(self, table: np.ndarray, *, wide: float = 1.0) -> None:
        self.middle = table.mean(axis=0)
        covariance = wide * covariance_of(table)
        self.inverse, self.size = np.linalg.inv(covariance), float(np.linalg.slogdet(covariance)[1])

    def log(self, points: np.ndarray) -> np.ndarray:
        """(m,) log density of (m, d), up to a constant that all spreads share."""
        shift = points - self.middle
        return -0.5 * (np.einsum("md,de,me->m", shift, self.inverse, shift) + self.size)


def source_p(one: np.ndarray, own: np.ndarray, rivals: Sequence[np.ndarray]) -> float:
    """Chance in [1/(n+1), 1] that a picture of the source with signs `own` (n, d) is as unlike it as `one` (d,).

    How like is the log density among the source's pictures, all but the one in question, over the mean of those
    among each rival's (m, d) and of a broad one over all pictures together, which stands for a source that was not
    asked. The picture itself is one of the source's in this, so that the rank is exact.
    """
    every = np.vstack([own, one[None]])
    wide = Spread(np.vstack([every, *rivals]), wide=WIDE)
    against = np.stack([wide.log(every), *(Spread(rival).log(every) for rival in rivals)])
    highest = against.max(axis=0)
    against = highest + np.log(np.exp(against - highest).mean(axis=0))
    mine = np.array([Spread(np.delete(every, i, axis=0)).log(every[i:i + 1])[0] for i in range(len(every))])
    like = mine - against
    return float(np.mean(like <= like[-1]))


def ranks(one: np.ndarray, sources: Mapping[int, np.ndarray]) -> dict[int, float]:
    """`source_p` for each source from what was measured: `one` (k, 2), a source's pictures (n, k, 2)."""
    mine, told = signs(one[None])[0], {name: signs(pictures) for name, pictures in sources.items()}
    return {name: source_p(mine, own, [other for rival, other in told.items() if rival != name])
            for name, own in told.items()}


def left(p: Mapping[int, float], *, level: float) -> Left:
    """The sources that stay at `level`."""
    stay = [name for name, value in p.items() if value > level]
    return Left(tuple(sorted(name for name in stay if name > OTHERS)), OTHERS in stay,
                any(name < OTHERS for name in stay))


def judge(subject_id: str, candidates: Sequence[Candidate], others_p: float, *, pictures: int, other_pictures: int,
          level: float, through_p: float = 0.0, earlier_tests: int = 0, changed: bool = False,
          error_rate: str = "", not_asked: str = "") -> Finding:
    """The finding: which model alone is left, which are, or that none is.

    `through_p` is the highest rank among other pictures that were sent through a model's autoencoder. One that may
    have been `changed` after it was made, as the comparison pictures were not, names no model. `error_rate` says
    how often such answers were right and wrong, `not_asked` how often wrong of models that were not asked.
    """
    found = left({**{i: c.p for i, c in enumerate(candidates)}, OTHERS: others_p}, level=level)
    if changed:
        return _finding(subject_id, "changed", {}, tuple(say(f"limit.{one}") for one in ("which.changed", "law")))
    names = _listed([candidates[i].name for i in found.models])
    told = {"models": len(candidates), "pictures": number(pictures), "level": number(level)}
    if found.kind == "one":
        told |= {"name": names, "p": number(candidates[found.models[0]].p), "others": number(other_pictures)}
    if found.kind in ("several", "open"):
        told |= {"names": names, "others": number(other_pictures)}
    numbers = {f"p_{i + 1}": c.p for i, c in enumerate(candidates)} | {"p_others": others_p, "p_through": through_p}
    through = [say("limit.which.through", p=number(through_p))] if found.models and through_p > level else []
    limits = [*through, *(say(f"limit.which.{one}") for one in LIMITS[found.kind])]
    relatives = [not_asked] if not_asked and found.models else []
    limits = [*_shared(candidates), *_again(earlier_tests), *relatives, *limits, say("limit.law")]
    return _finding(subject_id, found.kind, numbers, tuple(limits), error_rate, **told)


def measured_rates(root: Path) -> str:
    """How often answers were right, and a wrong name given, by the stored benchmark; "" where there is none."""
    try:
        found = json.loads((root / BENCHMARK).read_text("utf-8"))
        right, wrong, date = found["accuracy"], found["false_named"], found["made"]["whole"]["date"]
        return say("aside.which.rates", asked=len(found["asked"]), pictures=number(wrong["pictures"]),
                   right=number(right["hits"]), wrong=number(wrong["hits"]), low=percent(wrong["low"]),
                   high=percent(wrong["high"]), date=date)
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def not_asked_rate(root: Path) -> str:
    """How often pictures by models that were not asked got a wrong name in the stored benchmark; "" without one.

    The last run comes first; others, with more or fewer models asked, stand beside it.
    """
    try:
        found = json.loads((root / BENCHMARK).read_text("utf-8"))
        runs = sorted(found["relatives"].items(), key=lambda run: run[0] != str(len(found["asked"])))
        return " ".join(_relatives("not_asked" if n == 0 else "not_asked_with", asked, run)
                        for n, (asked, run) in enumerate(runs) if run["pictures"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _relatives(key: str, asked: str, run: Mapping[str, int]) -> str:
    """How often relatives that were not asked got a wrong name, with so many models asked."""
    share = share_interval(run["hits"], run["pictures"])
    return say(f"limit.which.{key}", asked=asked, wrong=number(run["hits"]), pictures=number(run["pictures"]),
               low=percent(share.low), high=percent(share.high))


def _finding(subject_id: str, kind: str, numbers: dict[str, float], limits: tuple[str, ...], error_rate: str = "",
             **told: object) -> Finding:
    said = say(f"statement.which.{kind}", **told)
    name = hashlib.sha256(f"{subject_id}\n{said}".encode()).hexdigest()[:16]
    return Finding(name, subject_id, f"which_{kind}", said, numbers, error_rate, limits)


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return say("aside.and", most=", ".join(names[:-1]), last=names[-1])


def _shared(candidates: Sequence[Candidate]) -> list[str]:
    """A sentence for models with one autoencoder: what it leaves in a picture does not tell them apart."""
    groups: dict[str, list[str]] = {}
    for one in candidates:
        groups.setdefault(one.autoencoder, []).append(one.name)
    return [say("limit.which.shared", names=_listed(names)) for names in groups.values() if len(names) > 1]


def _again(earlier: int) -> list[str]:
    return [say("limit.which.again", tests=number(earlier))] if earlier else []
