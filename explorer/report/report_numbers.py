"""A report's numbers for a program to read: the same facts as its pages, as canonical JSON."""

from __future__ import annotations

from typing import Any

from explorer.cases.snapshot import Snapshot
from explorer.closeness.ledger import total_bits
from explorer.evidence.which_records import WhichModel
from explorer.familiarity.records import BodyTest, FamiliarityTest
from explorer.findings.case_tests import portfolio_of, without_p
from explorer.findings.finding import ControlResults, Measured
from explorer.records import Environment, Replay, Subject, to_json
from explorer.records.canonical import canonical
from explorer.records.scans import SeedScan
from explorer.report.chosen import exhibit_of, subjects_of
from explorer.report.options import ReportOptions

FORMAT = "afterimage report 1"


def data_bytes(found: Snapshot, options: ReportOptions) -> bytes:
    """UTF-8 JSON with sorted keys: the case, each subject with its replay, findings and tries, controls, computers.

    Bits are bits; closeness is by score's name, in that score's own range; hashes are SHA-256 in hexadecimal.
    """
    entry, mark = found.head()
    together = portfolio_of(found)
    undecided = without_p(together)
    told = [_subject(found, s, options.score, decided=s.id not in undecided) for s in subjects_of(found, options)]
    return canonical({
        "format": FORMAT, "case": found.id, "title": found.title,
        "log": {"entry": entry, "hash": mark, "time": found.time, "faults": [f.what for f in found.faults]},
        "subjects": told,
        "together": [to_json(row) for row in together.rows] if together else [],
        "controls": [to_json(c) for c in found.records(ControlResults)],
        "bodies_of_work": [to_json(b) for b in found.records(BodyTest)],
        "environments": [to_json(e) for e in found.records(Environment)]})


def _subject(found: Snapshot, subject: Subject, score: str, *, decided: bool) -> dict[str, Any]:
    exhibit = exhibit_of(found, subject, score=score, decided=decided)
    return {"subject": to_json(subject), "score": score, "decided": decided,
            "closest": _replay(exhibit.best), "given_more": _replay(exhibit.given),
            "ledger": [to_json(e) for e in exhibit.ledger], "bits_supplied": total_bits(exhibit.ledger),
            "effort": to_json(exhibit.effort), "findings": [to_json(f) for f in exhibit.said],
            "tests": [to_json(t) for t in found.records(Measured, subject_id=subject.id)],
            "familiarity": [to_json(t) for t in found.records(FamiliarityTest, subject_id=subject.id)],
            "which_model": [to_json(t) for t in found.records(WhichModel, subject_id=subject.id)],
            "seed_scans": [to_json(t) for t in found.records(SeedScan, subject_id=subject.id)],
            "tries": [to_json(t._asdict()) for t in found.tries(subject.id, score=score)]}


def _replay(replay: Replay | None) -> Any:
    return to_json(replay) if replay else None
