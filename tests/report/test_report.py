"""Reports: same head, same bytes; nothing fetched, nothing run, nothing unescaped; pictures lossless."""

import base64
import dataclasses
import hashlib
import html.parser
import io
import re

import numpy as np
import pytest
from PIL import Image

from explorer.cases.snapshot import Snapshot, snapshot
from explorer.errors import ExplorerError
from explorer.findings.closeness_finding import judge
from explorer.findings.finding import ControlResults
from explorer.findings.wording import BANNED
from explorer.records import Effort, SearchPlan
from explorer.report.blocks import Document, Figure, PictureRow, Text, plain
from explorer.report.compose import compose
from explorer.report.html import html_bytes
from explorer.report.options import ReportOptions
from explorer.report.pdf import pdf_bytes
from explorer.report.write_report import document_of, logo_png, make_report
from explorer.texts import say
from tests.report.case_for_report import HOSTILE, MODEL, make_case, picture


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return make_case(tmp_path_factory.mktemp("cases"))


@pytest.fixture(scope="module")
def page(case):
    return make_report(case).decode()


class _Reader(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.said, self.stack = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        self.stack.append(tag)

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self.stack:
            self.said.append(data)


def test_the_page_holds_what_a_reader_needs(page):
    said = " ".join(_Reader(page).said)
    for words in ("The finding in full", "What it cannot show", "Controls", "What this cannot tell you",
                  "Sources", "Annex A: how it was done", "Annex E: the record", "What was supplied",
                  "Everything tried", "before the first replay",
                  "10 replays", "a red fox", "Log head"):
        assert words in said, words
    assert not [word for word in BANNED if word in said.lower()]


def test_same_head_same_bytes_and_later_entries_do_not_change_it(case):
    head = case.head()
    first = document_of(case, head=head[0])
    pages = html_bytes(first), pdf_bytes(first)
    case.set("threshold", 0.3)
    again = document_of(case, head=head[1])
    assert again == first and (html_bytes(again), pdf_bytes(again)) == pages
    assert document_of(case) != first
    assert head[1] in pages[0].decode()


def test_an_unknown_head_or_kind_is_refused(case):
    with pytest.raises(ExplorerError, match="no entry"):
        make_report(case, head=10_000)
    with pytest.raises(ExplorerError, match="HTML or PDF"):
        make_report(case, kind="docx")


def test_nothing_is_fetched_or_run(page):
    reader = _Reader(page)
    assert not {"script", "iframe", "object", "embed", "link", "form", "base"} & set(reader.tags)
    for tag, name, value in reader.attributes:
        assert not name.startswith("on") and name not in ("href", "srcset", "style"), (tag, name)
        if name == "src":
            assert value.startswith("data:image/png;base64,")
    policy = next(v for t, n, v in reader.attributes if t == "meta" and n == "content" and "default-src" in v)
    assert "default-src 'none'" in policy and "script-src" not in policy and "unsafe" not in policy
    style = re.search(r"<style>(.*?)</style>", page, re.S)[1]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy


def test_hostile_text_is_shown_as_text(tmp_path):
    case = make_case(tmp_path, hostile=True)
    page = make_report(case).decode()
    reader = _Reader(page)
    assert "script" not in reader.tags and not any(n.startswith("on") for _, n, _ in reader.attributes)
    said = " ".join(reader.said)
    assert "<script>alert(1)</script>" in said and "{title} %s" in said
    assert "\u202e" not in page and "⟨U+202E⟩" in page and "\x07" not in page
    assert "passwd" not in page
    assert make_report(case, kind="pdf")[:5] == b"%PDF-"
    assert plain(HOSTILE).count("⟨U+") == 2


def test_what_the_file_says_of_itself_is_printed_as_a_claim(tmp_path, page):
    assert "carries no generation settings" in page
    said = " ".join(_Reader(make_report(make_case(tmp_path, hostile=True)).decode()).said)
    assert "AUTOMATIC1111: seed" in said and "4711" in said and "Anyone can write such claims" in said
    assert "carries no generation settings" not in said


def test_pictures_are_lossless_and_have_alternative_texts(case, page):
    reader = _Reader(page)
    alts = [v for t, n, v in reader.attributes if t == "img" and n == "alt"]
    shown = [base64.b64decode(v.split(",", 1)[1]) for t, n, v in reader.attributes if n == "src"]
    assert len(alts) == len(shown) and all(alts)
    best = case.replays(case.subjects()[0].id, limit=-1)
    noise = next(r for r in best if r.recipe.start_sha256 is None)
    assert case.blob(noise.image_sha256) in shown
    assert any(np.array_equal(np.asarray(Image.open(io.BytesIO(p)).convert("RGB")), picture(0, 96)) for p in shown)


def test_img2img_is_said_to_be_supplied_and_never_is_the_exhibit(page):
    assert "It comes back because it was put in" in page
    assert "The closest of 8 replays" in page and "The closest replay of 8 from noise" in page


def test_a_finding_with_controls_is_shown_with_its_error_rate(tmp_path):
    case = make_case(tmp_path)
    subject = case.subjects()[0]
    best = next(r for r in case.replays(subject.id, limit=-1) if r.recipe.start_sha256 is None)
    values = tuple(np.linspace(0.5, 0.6, 120).tolist())
    controls = ControlResults("c1", "The world's control works", MODEL.fingerprint, "tiled_l2", Effort(8, 320, 4.0),
                              tuple(f"w{i}" for i in range(120)), values)
    case.commit(controls)
    case.commit(judge(subject.id, best, Effort(8, 320, 4.0), score="tiled_l2", controls=controls))
    said = " ".join(_Reader(make_report(case).decode()).said)
    assert "120 control works" in said and "Of 120 comparison pictures" in said
    assert "No error rate has been measured for this model" in said
    assert "0.500 to 0.600" in said


def test_the_pdf_has_pages_text_and_lossless_pictures(case):
    data = make_report(case, kind="pdf", options=ReportOptions(detail="short", prepared_by="A. Witness"))
    assert data[:5] == b"%PDF-" and data.rstrip().endswith(b"%%EOF")
    assert data.count(b"/DCTDecode") == 0 and data.count(b"/Subtype /Image") >= 4


def test_short_detail_name_number_and_logo(case):
    logo = logo_png(_png(picture(9, 40)), "logo.png")
    options = ReportOptions(detail="short", prepared_by="A. Witness", case_number="7/26", logo_png=logo)
    page = make_report(case, options=options).decode()
    assert "A. Witness" in page and "7/26" in page and "Everything tried" not in page and 'class="logo"' in page
    with pytest.raises(ExplorerError):
        logo_png(b"<svg></svg>", "logo.svg")


def test_a_short_report_on_many_works_is_brief_and_says_so(tmp_path):
    case = make_case(tmp_path)
    first = case.subjects()[0]
    others = [case.add_subject(_png(picture(n, 64)), f"{n}.png") for n in (5, 6, 7)]
    for subject in others:
        for replay in case.replays(first.id, search_id="search1", limit=2):
            case.commit(dataclasses.replace(replay, id=replay.id + subject.id, subject_id=subject.id,
                                            search_id=subject.id))
    long, short = (" ".join(_Reader(make_report(case, options=ReportOptions(detail=d)).decode()).said)
                   for d in ("full", "short"))
    brief = say("document.brief")
    assert brief in short and brief not in long
    assert long.count("Closeness of this replay") == 4 and "Closeness of this replay" not in short
    assert short.count("The person supplied") == 4 and "The person supplied" not in long
    assert long.count("What was supplied") == 4
    few = ReportOptions(detail="short", subject_ids=tuple(s.id for s in others))
    assert "Closeness of this replay" in make_report(case, options=few).decode()


def test_every_prompt_that_was_tried_is_printed(tmp_path):
    case = make_case(tmp_path)
    plan = case.record(SearchPlan, "search1")
    settings = {**plan.settings, "more_prompts": ["a blue door", "a <b>boat</b>"]}
    case.commit(dataclasses.replace(plan, id="search3", settings=settings))
    for detail in ("short", "full"):
        said = " ".join(_Reader(make_report(case, options=ReportOptions(detail=detail)).decode()).said)
        assert "a red fox (and 2 more, see the appendix)" in said
        assert "Prompts tried" in said and "a blue door" in said and "a <b>boat</b>" in said


def _png(rgb):
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG")
    return out.getvalue()


def test_a_changed_log_is_said_on_the_first_page(case):
    later = "2030-01-01T00:00:00.000Z"
    changed = [dataclasses.replace(e, time=later) if e.seq == 2 else e for e in case.log()][:3]
    found = Snapshot(case.id, changed, case.blob)
    document = compose(found, ReportOptions())
    assert found.faults and any(isinstance(b, Text) and "does NOT hold" in b.text for b in document.blocks[:5])


def test_a_snapshot_is_folded_from_the_log_alone(case):
    now = snapshot(case)
    assert now.made(now.subjects()[0].id) == case.made(case.subjects()[0].id)
    early = snapshot(case, head=2)
    assert len(early.subjects()) == 1 and not early.count_replays() and early.head()[0] == 2
    assert "nothing to weigh" in make_report(case, head=2).decode()
    assert "no subject yet" in make_report(case, head=1).decode()


def test_every_block_can_be_set(case):
    document = document_of(case, options=ReportOptions(detail="short"))
    kinds = {type(b).__name__ for b in document.everything()}
    assert kinds == {"Heading", "Text", "Table", "PictureRow", "Figure", "Bullets", "Code", "PageBreak"}
    png = _png(picture(1, 32))
    alone = Document("t", "f", "2026-01-01T00:00:00.000Z", (PictureRow((Figure(png, "a"),)),))
    assert b'alt="a"' in html_bytes(alone)
    with pytest.raises(TypeError):
        html_bytes(Document("t", "f", "2026-01-01T00:00:00.000Z", ("text",)))


def test_exhibits_stand_side_by_side_and_hidden_ones_are_counted(tmp_path):
    case = make_case(tmp_path)
    subject = case.subjects()[0]
    ranked = case.replays(subject.id, search_id="search1", limit=4)
    for replay in ranked:
        case.commit(dataclasses.replace(replay, exhibit=True))
    said = " ".join(_Reader(make_report(case).decode()).said)
    shown = [f"seed {r.recipe.seed}, from noise, tiled distance {r.closeness['tiled_l2']:.3f}." for r in ranked]
    assert shown[0] not in said and "Exhibit 1, the closest replay of 8 from noise" in said  # it stands above
    assert all(f"Exhibit {place}: {words}" in said for place, words in enumerate(shown[1:], 2))
    twin = dataclasses.replace(ranked[1], id="made again", search_id="search2", exhibit=True)
    case.commit(twin)
    said = " ".join(_Reader(make_report(case).decode()).said)
    assert said.count(shown[1]) == 1 and "Exhibit 5" not in said  # the same picture stands once
    case.set("hidden", [ranked[2].id])
    said = " ".join(_Reader(make_report(case).decode()).said)
    assert shown[2] not in said and "Not pictured here, and on record: 1 more." in said
    assert str(ranked[2].image_sha256[:12]) in said  # among everything that was tried
