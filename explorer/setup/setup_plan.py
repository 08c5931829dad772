"""What a test of another model will take and can show, from one timed replay here; and what is still missing."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from explorer.familiarity.familiarity_plan import plan_for
from explorer.findings.control_check import MATCHED, USUAL, ControlCheck
from explorer.jobs.timings import timing_of
from explorer.records import ModelInfo
from explorer.records.families import facts
from explorer.records.policy import Policy, policy_for
from explorer.records.timing import Timing
from explorer.settings import Settings
from explorer.setup.choices import Choices, Needed
from explorer.texts import say

BYTES_A_PIXEL = 2.0  # of a replay's PNG, which is kept for the works and not for the controls


@dataclass(frozen=True)
class SetupPlan:
    """All that one page says before it is begun. Times are in seconds, 0 where nothing was timed yet."""

    policy: Policy
    controls: int
    ranked: int
    works: int
    replay_s: float
    work_s: float
    controls_s: float
    works_s: float
    known_s: float  # whether the model knows them, controls and works together
    asks_known: bool  # whether this model can be asked that
    once_s: float  # loading, and reading the lists of words for the first time
    smallest_p: float
    fetch_bytes: int
    results_bytes: int
    free_bytes: int
    missing: tuple[str, ...]  # sentences; none: it can begin

    @property
    def total_s(self) -> float:
        """From the start to the last work."""
        return self.controls_s + self.works_s + self.known_s + self.once_s

    @property
    def fits_on_disk(self) -> bool:
        """Whether what is fetched and kept has room."""
        return self.fetch_bytes + self.results_bytes < self.free_bytes * 0.95


def plan(choices: Choices, need: Needed, info: ModelInfo | None, check: ControlCheck | None, *, works: int,
         settings: Settings) -> SetupPlan:
    """The plan as far as it can be told: `info` is None before the model is here, `check` before it was made."""
    policy = Policy(seeds=choices.seeds) if info is None else policy_for(info, seeds=choices.seeds)
    timing, count = timing_of(info, settings), check.pictures if check else 0
    replay_s = timing.replay_s(policy.steps, policy.guidance) if timing else 0.0
    work_s = timing.work_s(policy) if timing else 0.0
    family = facts(info.family if info else need.family)
    asked = plan_for(policy.words)
    recovered = asked.prompts if asked.words == "recovered" else 0
    known_s = timing.known_s(asked.evaluations(), recovered) if timing and family.own_loop else 0.0
    results = works * policy.seeds * (policy.size_px or family.size_px) ** 2 * BYTES_A_PIXEL
    return SetupPlan(
        policy, count, check.ranked if check else 0, works, replay_s, work_s, work_s * count, work_s * works,
        known_s * (count + works), family.own_loop, (2 * timing.load_s + timing.lists_s) if timing else 0.0,
        check.smallest_p if count and check else 1.0, need.fetch_bytes, round(results),
        shutil.disk_usage(settings.home).free,
        tuple(_missing(choices, need, check, works=works, timing=timing)))


def _missing(choices: Choices, need: Needed, check: ControlCheck | None, *, works: int,
             timing: Timing | None) -> Sequence[str]:
    """What stands between the choices and the start, in the order in which it is put right."""
    if need.why:
        yield need.why
    if not works:
        yield say("setup.missing_works")
    if not choices.controls:
        yield say("setup.missing_controls", usual=USUAL, matched=MATCHED)
    elif check is None:
        yield say("setup.missing_check")
    elif not check.enough:
        yield say("setup.missing_more", n=check.pictures, usual=USUAL, matched=MATCHED)
    if not need.why and not (need.model_here and need.clip_here):
        yield say("setup.missing_files")
    elif timing is None and not need.why:
        yield say("setup.missing_timing")
