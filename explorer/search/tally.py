"""Where a search stands: what it made and spent, its best replay so far, and the rule that ended it."""

from __future__ import annotations

from dataclasses import replace

from explorer.jobs.tasks import RunSearch
from explorer.records import Effort, Progress, Replay, SearchSummary
from explorer.records.scores import is_better


class Tally:
    """The counts of one search of `planned` replays."""

    def __init__(self, task: RunSearch, planned: int) -> None:
        self.task, self.planned = task, planned
        self.made = 0  # of the plan: replays on record, and lanes that a race has dropped
        self.best: Replay | None = None
        self.effort = Effort()
        self.ended_by = ""
        self._since_gain = 0  # tries since the best one

    def passed(self, count: int) -> None:
        """So many of the plan need not be made any more."""
        self.made += count

    def spend(self, effort: Effort) -> None:
        """Adds effort of which no replay came."""
        self.effort = self.effort.plus(effort)
        self._since_gain += effort.tries

    def credit(self, replay: Replay, spent: Effort | None = None) -> bool:
        """Adds a replay with the effort counted for it, by default its own; True if it is the best so far."""
        self.spend(Effort(1, replay.unet_evaluations, replay.elapsed_s) if spent is None else spent)
        score = self.task.settings.primary_score
        better = self.best is None or is_better(score, replay.closeness[score], self.best.closeness[score])
        if better:
            self.best, self._since_gain = replay, 0
        return better

    def rule(self) -> str:
        """The stop rule that holds now: "tries", "time", "closeness", "no gain"; "" while none does."""
        rules, score = self.task.settings.stop, self.task.settings.primary_score
        if rules.tries and self.effort.tries >= rules.tries:
            return "tries"
        if rules.seconds and self.effort.elapsed_s >= rules.seconds:
            return "time"
        if rules.closeness is not None and self.best is not None \
                and not is_better(score, rules.closeness, self.best.closeness[score]):
            return "closeness"
        return "no gain" if rules.no_gain and self._since_gain >= rules.no_gain else ""

    def over(self) -> bool:
        """Whether a stop rule ends the search before its next unit."""
        self.ended_by = self.rule()
        return bool(self.ended_by)

    def progress(self, message: str, *, step: int = 0, steps: int = 0, per_step_s: float = 0.0, running: int = 0,
                 preview_png: bytes = b"") -> Progress:
        """The search's line; `per_step_s` of `running` images at once foretells its end before there are tries."""
        left, left_s = self.planned - self.made, None
        if per_step_s and running:
            left_s = per_step_s * (steps - step + steps * max(0, left - running) / running)
        elif self.effort.tries:
            left_s = left * self.effort.elapsed_s / self.effort.tries
        return Progress(self.made, self.planned, message, step, steps, left_s, self.best.id if self.best else "",
                        preview_png)

    def summary(self, state: str) -> SearchSummary:
        """The record of the search, still without a ledger."""
        return SearchSummary(
            id=self.task.search_id, subject_id=self.task.subject_id, state=state,
            primary_score=self.task.settings.primary_score, best_replay_id=self.best.id if self.best else "",
            effort=replace(self.effort, elapsed_s=round(self.effort.elapsed_s, 3)), ledger=(),
            planned_tries=self.planned, ended_by=self.ended_by)
