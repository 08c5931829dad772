"""Known seeds in a report: what a picture contains, after the tries of all scans, and what that is not."""

from __future__ import annotations

import dataclasses

from explorer.records.scans import SeedMatch, SeedScan, claims_of
from explorer.report.scan_part import scan_blocks
from tests.report.case_for_report import make_case

MATCH = SeedMatch(77, "torch-cpu", "plain", 0.31, 4e-7, 4e-4)


def scan(name: str, subject_id: str, *matches: SeedMatch, tried: int = 1000) -> SeedScan:
    return SeedScan(name, subject_id, "f" * 64, 0, tried, tried, tried, ("torch-cpu",), ("plain",), matches)


def said(case) -> str:
    subject = case.subjects()[0]
    return " ".join(getattr(b, "text", " ".join(getattr(b, "items", ()))) for b in scan_blocks(case, subject))


def test_a_named_seed_is_a_noise_that_the_picture_contains(tmp_path):
    case = make_case(tmp_path)
    subject = case.subjects()[0]
    assert scan_blocks(case, subject) == []
    case.commit(scan("a", subject.id, MATCH))
    text = said(case)
    assert "contains this noise: that of seed 77" in text and "at most 4.0e-04" in text
    assert "no model" in text and "28 of 100" in text and "19.5% to 37.9%" in text


def test_every_later_scan_makes_an_earlier_claim_weaker(tmp_path):
    case = make_case(tmp_path)
    subject = case.subjects()[0]
    case.commit(scan("a", subject.id, MATCH))
    case.commit(scan("b", subject.id, tried=2000))
    assert "No seed is named. After 3,000 tries in 2 scans" in said(case)


def test_a_seed_that_two_scans_found_is_named_once():
    strong = dataclasses.replace(MATCH, p_one=1e-30)
    found = claims_of([scan("a", "s", strong), scan("b", "s", strong)])
    assert [m.seed for m in found] == [77] and found[0].chance == 1e-30 * 2000
