"""The report's section on likelihood ratios: there with a p-value and measured rates, honest without."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.cases.store import CaseStore
from explorer.findings.finding import Finding
from explorer.images.decode import png_bytes
from explorer.report import likelihood_part
from explorer.report.blocks import Heading, Table, Text
from tests.evidence.test_finding_ratio import stored
from tests.pages.filled import picture


@pytest.fixture
def case(tmp_path, monkeypatch):
    monkeypatch.setattr(likelihood_part, "WORLD", tmp_path)
    made = CaseStore(tmp_path / "cases").create("Ratios")
    subject = made.add_subject(png_bytes(picture(1)), "ball.png")
    test, bank = stored(tmp_path)
    made.commit(bank)
    made.commit(dataclasses.replace(test, subject_id=subject.id))
    return made


def blocks(case, kind, numbers, *, decided=True):
    subject = case.subjects()[0]
    case.commit(Finding("q", subject.id, kind, "said", numbers))
    return likelihood_part.likelihood_blocks(case, subject, decided=decided)


def test_a_p_value_comes_with_propositions_rates_ratios_and_what_they_are_not(case):
    found = blocks(case, "stands_out", {"p": 0.01})
    assert isinstance(found[0], Heading)
    table = next(b for b in found if isinstance(b, Table))
    assert [row[0] for row in table.rows] == ["once", "256 times"] and "at least" in table.rows[1][3]
    said = " ".join(b.text for b in found if isinstance(b, Text))
    assert "Two statements are compared" in said and "not the chance that the work was in training" in said
    assert "Cllr" in said


def test_no_p_value_no_ratio(case):
    assert blocks(case, "controls_do_not_fit", {}) == []
    assert blocks(case, "stands_out", {"p": 0.01}, decided=False) == []


def test_another_models_finding_gets_no_ratio_and_says_so(case):
    (likelihood_part.WORLD / "likelihood.json").unlink()
    found = blocks(case, "stands_out", {"p": 0.01})
    assert len(found) == 2 and "no rates were measured" in found[1].text
