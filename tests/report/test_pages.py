"""How a report is laid out: the first page whole, the body short, a sheet on one page, data beside them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re

import pypdfium2
import pytest

from explorer.cases.importing import import_package
from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.findings.finding import Finding, Measured
from explorer.images.decode import png_bytes
from explorer.records import Replay, from_json
from explorer.report import page_one
from explorer.report.blocks import Document, Figure, Heading, Text
from explorer.report.options import ReportOptions
from explorer.report.pdf import pdf_bytes
from explorer.report.write_report import document_of, make_report, make_sheet
from explorer.texts import say, speaking
from tests.report.case_for_report import make_case, picture
from tests.report.test_languages import EXAMPLE
from tests.report.test_tested import controls_of, expected, put_to_test

ANNEX = "Annex A"


def pages(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    return [" ".join(document[i].get_textpage().get_text_range().split()) for i in range(len(document))]


def body(pdf: bytes) -> list[str]:
    """The pages before the first annex."""
    found = pages(pdf)
    return found[:next(i for i, text in enumerate(found) if ANNEX in text)]


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """A finished case of the app's own, with tests, exhibits, neighbours and 34 replays."""
    return import_package(CaseStore(tmp_path_factory.mktemp("cases")), EXAMPLE)


def many(root, works: int = 12):
    """A case of so many works, each tested against the same controls, with replays and exhibits of its own."""
    case = make_case(root)
    first, controls = case.subjects()[0], controls_of(expectation=expected())
    made = case.replays(first.id, search_id="search1", limit=4)
    put_to_test(case, controls)
    for n in range(works - 1):
        subject = case.add_subject(png_bytes(picture(50 + n, 96)), f"work {n}.png")
        for replay in made:
            case.commit(dataclasses.replace(replay, id=f"{replay.id}{n}", subject_id=subject.id, search_id=f"m{n}",
                                            exhibit=True))
        test = case.record(Measured, "search1")
        case.commit(dataclasses.replace(test, id=f"m{n}", subject_id=subject.id, replay_id=f"{test.replay_id}{n}"))
        case.commit(dataclasses.replace(case.record(Finding, "search1"), id=f"m{n}", subject_id=subject.id))
    return case


def test_the_first_page_holds_answer_pictures_dot_plot_and_limits(example):
    pdf = make_report(example, kind="pdf", options=ReportOptions(prepared_by="A. Witness"))
    first = pages(pdf)[0]
    for words in ("The model did not come unusually close", "comparison pictures", "The subject:", "Where they",
                  "Each dot is a comparison picture", say("page_one.limits"), "Similar is not derived"):
        assert words in first, words
    images = [o for o in pypdfium2.PdfDocument(pdf)[0].get_objects() if o.type == 3]
    assert len(images) == 4  # subject, replay, where they agree, dot plot


def test_the_body_of_one_work_has_at_most_six_pages(example, tmp_path):
    assert len(body(make_report(example, kind="pdf"))) <= 6
    crowded = make_case(tmp_path, hostile=True)
    subject = crowded.subjects()[0]
    put_to_test(crowded, controls_of(expectation=expected()))
    for replay in crowded.replays(subject.id, limit=-1):
        crowded.commit(dataclasses.replace(replay, exhibit=True))
    assert len(body(make_report(crowded, kind="pdf"))) <= 6


@pytest.mark.parametrize("detail", ["full", "short"])
def test_twelve_works_take_at_most_two_pages_each(tmp_path, detail):
    case = many(tmp_path)
    found = body(make_report(case, kind="pdf", options=ReportOptions(detail=detail)))
    assert len(found) <= (2 + 12 * 2 if detail == "full" else 2 + 12)
    assert "of these 12 works" in found[0] and "Similar is not derived" in found[0]
    answers = sum(text.count(say("document.headline.does_not_stand_out"))
                  + text.count(say("document.headline.stands_out")) for text in found)
    assert answers == 12


def test_annexes_are_folded_in_html_and_stand_last(example):
    page = make_report(example).decode()
    start = page.index("<details>")
    assert page.count("<details>") == page.count("<summary>") == 5 and "<details open" not in page
    assert say("document.closeness_replay") not in page[:start]
    assert say("document.where_pictures_made") not in page[:start] and say("page_one.limits") in page[:start]


def test_another_test_says_its_answer_on_the_first_page(example, monkeypatch):
    """Several lines of it leave room for the limits."""
    propositions = say("likelihood.propositions", result=say("likelihood.result_not_flagged"))
    more = (lambda found, subject, exhibit: [Text(f"known of {subject.name}" + " and more" * 20),
                                             Text(propositions, "note")],)
    monkeypatch.setattr(page_one, "MORE_ANSWERS", more)
    first = pages(make_report(example, kind="pdf", options=ReportOptions(prepared_by="A. Witness")))[0]
    assert f"known of {example.subjects()[0].name}" in first and "Similar is not derived" in first


def test_an_answer_in_plain_words_falls_back_to_the_record():
    finding = Finding("f", "s", "stands_out", "It stands out, says the record.", {"p": 0.01})
    assert page_one.plain_answer(finding) == "It stands out, says the record."
    whole = dataclasses.replace(finding, numbers={"p": 0.0025, "controls": 400.0, "at_least": 0.0})
    said = page_one.plain_answer(whole)
    assert said == "Of 400 comparison pictures, 0 came as close to their own picture (p = 0.0025)."


def test_a_sheet_is_one_page_with_every_setting_and_hash(example, tmp_path):
    for case in (example, make_case(tmp_path, hostile=True)):
        subject = case.subjects()[0]
        for replay in case.replays(subject.id, limit=3):
            [only] = pages(make_sheet(case, replay.id, options=ReportOptions(prepared_by="A. Witness")))
            bare = re.sub(r"[^0-9a-z]", "", only)
            assert replay.image_sha256 in bare and subject.sha256 in bare and f"seed {replay.recipe.seed}" in only
            assert say("limit.law") in only


def test_a_sheet_of_a_given_picture_says_so_and_a_long_prompt_stays_on_the_page(tmp_path):
    case = make_case(tmp_path)
    given = next(r for r in case.replays(case.subjects()[0].id, limit=-1) if r.recipe.start_sha256)
    recipe = dataclasses.replace(given.recipe, prompt="a very long prompt " * 300)
    case.commit(dataclasses.replace(given, id="long", recipe=recipe))
    [only] = pages(make_sheet(case, "long"))
    assert say("limit.start") in only and "given the subject's picture" in only
    assert make_sheet(case, "long") == make_sheet(case, "long")
    with speaking("de"):
        assert b'<html lang="de"' in make_sheet(case, "long", kind="html")
    with pytest.raises(ExplorerError, match="HTML or PDF"):
        make_sheet(case, "long", kind="json")


def test_the_data_holds_what_the_pages_say(example, tmp_path):
    head = example.head()
    data = make_report(example, kind="json", head=head[1])
    assert data == make_report(example, kind="json", head=head[0])
    read = json.loads(data)
    assert read["log"]["entry"] == head[0] and read["log"]["hash"] == head[1]
    [one] = read["subjects"]
    closest = from_json(Replay, one["closest"])
    assert hashlib.sha256(example.blob(closest.image_sha256)).hexdigest() == closest.image_sha256
    assert len(one["tries"]) == example.count_replays() and one["findings"][0]["kind"] == "does_not_stand_out"
    assert read["controls"][0]["values"] and read["environments"]
    rows = json.loads(make_report(many(tmp_path, 4), kind="json"))["together"]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]


def test_a_test_of_several_works_stands_in_one_dot_plot(tmp_path):
    document = document_of(many(tmp_path, 4))
    assert [b.alt for b in document.blocks if getattr(b, "alt", "") == say("page_one.works_among_alt")]


def test_a_heading_goes_over_the_page_with_its_picture():
    tall = Figure(png_bytes(picture(1, 64).repeat(2, axis=0)), "tall", "tall")
    lines = tuple(Text("a line") for _ in range(24))
    document = Document("t", "f", "2026-01-01T00:00:00.000Z", (*lines, Heading("Above it", 3), tall))
    first, second = pages(pdf_bytes(document))
    assert "Above it" not in first and second.startswith("Above it")
