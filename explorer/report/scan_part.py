"""What scans for known seeds found in a subject, in a report: which noise it contains, and what follows not."""

from __future__ import annotations

from explorer.cases.view import CaseView
from explorer.findings.scan_words import scan_limits
from explorer.findings.wording import number
from explorer.records import Subject
from explorer.records.scans import SeedMatch, SeedScan, claims_of
from explorer.records.scores import SCORES, shown
from explorer.report.blocks import Block, Bullets, Heading, Text
from explorer.texts import localised, say

SCORE = "tiled_l2"


def scan_blocks(found: CaseView, subject: Subject) -> list[Block]:
    """One sentence a seed that is named, after the tries of all scans together; nothing where none was made."""
    scans = found.records(SeedScan, subject_id=subject.id)
    tried = sum(scan.tried for scan in scans)
    if not tried:
        return []
    claims = claims_of(scans)
    said = [Text(_claim(one, tried), "finding") for one in claims]
    if not claims:
        said = [Text(say("scan_report.none", tried=number(tried), scans=number(len(scans))), "finding")]
    ranges = tuple(say("scan_report.range", first=number(s.first), last=number(s.next_seed - 1),
                       sources=", ".join(say(f"noise_source.{name}") for name in s.sources),
                       tried=number(s.tried)) for s in scans if s.tried)
    return [Heading(say("scan_report.title"), 3), *said, Bullets(ranges, small=True), Text(scan_limits(), "note")]


def _claim(match: SeedMatch, tried: int) -> str:
    line = say("statement.scan.contains", seed=match.seed, source=say(f"noise_source.{match.source}"),
               correlation=localised(f"{match.correlation:.3f}"), tried=number(tried),
               chance=localised(f"{match.chance:.1e}"))
    if SCORE in match.closeness:
        line += " " + say("scan_report.replayed", label=SCORES[SCORE].label,
                          value=shown(SCORE, match.closeness[SCORE]))
    return line
