"""The replay that a report shows for a subject, with what was spent on it and found of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.cases.view import CaseView
from explorer.errors import ExplorerError
from explorer.findings.case_ledger import ledger_of
from explorer.findings.case_tests import Ranked, ranked_tests
from explorer.findings.closeness_finding import judge
from explorer.findings.finding import Finding
from explorer.findings.series import case_effort, closest
from explorer.records import Effort, LedgerEntry, Replay, Start, Subject
from explorer.report import report_texts
from explorer.report.options import ReportOptions
from explorer.report.tested import model_words


@dataclass(frozen=True)
class Exhibit:
    """The replay that a report shows for a subject: a test's own, else the closest from noise, or of all."""

    best: Replay | None
    closer: Replay | None  # one from noise that came closer in another search
    given: Replay | None  # the closest of those that were given more than noise
    effort: Effort  # of all replays
    judged: Effort  # of the replays that the exhibit was picked from
    ledger: tuple[LedgerEntry, ...]
    findings: tuple[Finding, ...]  # the case's that are not exploratory, oldest first, each said once
    ranked: tuple[Ranked, ...] = ()  # tests whose p-value stands, oldest first
    decided: bool = True  # False where the case's works, as a set, leave this one no p-value

    @property
    def said(self) -> tuple[Finding, ...]:
        """The findings that may be relied on."""
        left_out = () if self.decided else report_texts.DECIDED
        return tuple(f for f in self.findings if f.kind not in left_out)


def subjects_of(found: CaseView, options: ReportOptions) -> list[Subject]:
    """The subjects that a report is about, oldest first."""
    return [s for s in found.subjects() if not options.subject_ids or s.id in options.subject_ids]


def exhibit_of(found: CaseView, subject: Subject, *, score: str, decided: bool = True) -> Exhibit:
    """Picks the exhibit, with every finding of the case that is not exploratory, else one without controls."""
    close, effort = closest(found, subject, score), case_effort(found, subject)
    ranked = tuple(ranked_tests(found, subject.id, score=score)) if decided else ()
    best, judged = (close.noise, case_effort(found, subject, start=Start.NOISE)) if close.noise else (
        close.given, effort)
    if (tested := _tested(found, ranked)) is not None:
        best, judged = tested, ranked[-1].test.effort
    closer = close.noise if best and close.noise and close.noise.image_sha256 != best.image_sha256 else None
    ledger = ledger_of(found, best) if best else ()
    findings = _findings(found, subject) or (judge(subject.id, best, judged, score=score, ledger=ledger),)
    return Exhibit(best, closer, close.given if close.noise else None, effort, judged, ledger, findings,
                   ranked if best else (), decided)


def _tested(found: CaseView, ranked: Sequence[Ranked]) -> Replay | None:
    """The closest replay of the newest test; None where there is none, or the case does not hold it."""
    try:
        return found.replay(ranked[-1].test.replay_id) if ranked else None
    except ExplorerError:
        return None


def _findings(found: CaseView, subject: Subject) -> tuple[Finding, ...]:
    """All that are not exploratory (else the newest), each model's once where two tests of it say the same."""
    stored = found.records(Finding, subject_id=subject.id)
    planned = [f for f in stored if f.kind != "exploratory"] or stored[-1:]
    return tuple({(model_words(found, f.replay_id), f.statement): f for f in planned}.values())
