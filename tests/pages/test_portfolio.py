"""Many works at once: accepted and refused, run one after the other, listed by how close each came."""

from __future__ import annotations

import dataclasses
import io
import os

import numpy as np
import pytest
from PIL import Image

from explorer.cases.snapshot import snapshot
from explorer.cases.store import CaseStore
from explorer.findings.case_tests import portfolio_of
from explorer.findings.control_check import ControlCheck, WorkFit, check_measured
from explorer.findings.controls import world_features
from explorer.findings.features import FEATURES
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.images.decode import open_image, png_bytes
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import CheckControls
from explorer.jobs.worker_queue import Board
from explorer.records import Effort, to_json
from explorer.records.policy import Policy
from explorer.report.blocks import Table, Text
from explorer.report.compose import compose
from explorer.report.options import ReportOptions
from explorer.settings import WORLD, load_settings
from explorer.world.files import open_world
from explorer.world.manifest import read_manifest
from pages.shared import upload
from pages.shared.texts import plain, say
from pages.tasks.live import LOOP
from tests.pages.filled import fill, picture
from tests.pages.test_pages import press, written


@pytest.fixture
def several(home):
    """Ids of a case with one tried work and one that waits, and a refused file."""
    case, subject_id = fill(home)
    case.add_subject(png_bytes(picture(3, noise=0.2)), "waits.png")
    case.set(upload.REFUSED, ["invoice.jpg is a PDF document, not a picture."])
    case.close()
    return case.id, subject_id


def test_the_list_shows_what_was_accepted_refused_and_found(opened, several):
    text = written(opened("portfolio", several))
    assert say("portfolio.accepted", n=2, refused=1) in text
    assert "invoice\\.jpg is a PDF document, not a picture\\." in text
    assert "closest of 12 replays" in text and say("portfolio.waiting") in text


def test_nothing_is_weighed_without_controls(opened, several):
    app = opened("portfolio", several)
    assert say("portfolio.no_controls") in written(app)
    assert [s.value for s in app.subheader] == [say("portfolio_answer.untested")]


def test_running_them_queues_only_the_works_that_wait(opened, several, home):
    app = press(opened("portfolio", several), say("portfolio.run", n=1))
    assert not app.exception
    jobs = [j for j in Queue(load_settings(home).database).active() if j.name in LOOP]
    waits = next(s for s in CaseStore(home / "cases").open(several[0]).subjects() if s.name == "waits.png")
    assert {j.task.subject_id for j in jobs} == {waits.id}
    assert sorted(j.name for j in jobs) == sorted(LOOP)


def test_a_file_that_is_no_picture_is_refused_with_its_reason(home, monkeypatch):
    """What the drop zone hands over: a rotated phone JPEG, a 16-bit TIFF, a PNG with alpha, a renamed PDF."""
    gone = {}
    monkeypatch.setattr(upload, "go", lambda step, **to: gone.update(step=step, **to))
    monkeypatch.setattr(upload.st, "progress", lambda *a, **k: type("Bar", (), {"progress": lambda *a, **k: 0})())
    store = CaseStore(home / "cases")
    now = type("Now", (), {"case": None, "store": store})()
    upload.take(now, [("phone.jpg", phone()), ("scan.tif", deep()), ("logo.png", clear()),
                     ("invoice.jpg", b"%PDF-1.7 not a picture")], "subject")
    case = store.open(gone["case_id"])
    assert gone["step"] == "portfolio"
    assert [s.name for s in case.subjects()] == ["phone.jpg", "scan.tif", "logo.png"]
    assert (case.subjects()[0].width_px, case.subjects()[0].height_px) == (20, 30)  # turned as it was held
    assert len(case.get(upload.REFUSED)) == 1 and "invoice.jpg" in case.get(upload.REFUSED)[0]


def phone() -> bytes:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20), "red").save(out, "JPEG", exif=exif)
    return out.getvalue()


def deep() -> bytes:
    out = io.BytesIO()
    Image.new("I;16", (16, 16), 40_000).save(out, "TIFF")
    return out.getvalue()


def clear() -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (16, 16), (0, 90, 0, 120)).save(out, "PNG")
    return out.getvalue()


def weighed(home, case_id, features):
    """The case with both works tested against 120 controls, each with so much of every feature."""
    case = CaseStore(home / "cases").open(case_id)
    draw = np.random.default_rng(3)
    told = [dict(zip(FEATURES, draw.normal(size=len(FEATURES)).tolist(), strict=True)) for _ in range(120)]
    controls = ControlResults("c", "120 pictures", "f" * 64, "tiled_l2", Effort(16, 384),
                              tuple(map(str, range(120))), tuple((0.4 + 0.02 * draw.normal(size=120)).tolist()),
                              tuple(told), policy="p")
    case.commit(controls)
    for number, (subject, value) in enumerate(zip(case.subjects(), (0.1, 0.4), strict=True)):
        case.commit(Measured(f"m{number}", subject.id, "p", "a door", value, f"r{number}", Effort(16, 384),
                             dict.fromkeys(FEATURES, features), "c"))
        case.commit(Finding(f"m{number}", subject.id, "stands_out", "It stands out.", {"p": 0.0163}))
    return case


def own_p_values(document) -> list[str]:
    """What the report's tables of measured tests give as p-value."""
    tables = [b for b in document.everything() if isinstance(b, Table) and b.head[0] == "Closest prompt"]
    return [row[4] for table in tables for row in table.rows]


def test_works_that_were_tested_are_ranked_with_a_false_discovery_rate(opened, several, home):
    case = weighed(home, several[0], 0.0)
    found = portfolio_of(case)
    assert [row.work.value for row in found.rows] == [0.1, 0.4] and found.rows[0].p == pytest.approx(1 / 121)
    q = found.rows[0].q
    assert own_p_values(compose(snapshot(case), ReportOptions())) == ["0.0163"]
    case.close()
    app = opened("portfolio", several)
    text = written(app)
    assert [s.value for s in app.subheader] == [say("portfolio_answer.listed", listed=1, judged=2)]
    assert say("portfolio.close", p=f"{found.rows[0].p:.3f}", q=f"{q:.3f}") in text
    assert "2 works are listed at a false discovery rate" in text and "120 controls" in text
    assert say("portfolio.caution_q", n=2, q=f"{q:.3f}") in written(opened("findings", several))


def test_a_work_that_the_set_gives_no_p_value_says_so_on_its_own_page_and_in_the_report(opened, several, home):
    case = weighed(home, several[0], 50.0)
    row = portfolio_of(case).rows[0]
    assert row.p is None
    document = compose(snapshot(case), ReportOptions())
    case.close()
    why = say("portfolio.caution_no_p", n=2, why=plain(row.why_no_p))
    assert why in written(opened("findings", several))
    said = [b.text for b in document.blocks if isinstance(b, Text)]
    assert any(text.startswith("The works are ranked, but no p-values") for text in said)
    assert say("portfolio_answer.nothing_comparable") in said
    assert say("document.not_together") in said
    table = next(b for b in document.blocks if isinstance(b, Table) and b.head[0] == "Work")
    assert [row[1:5] for row in table.rows] == [(v, "16", "none given", "none given") for v in ("0.100", "0.400")]
    assert own_p_values(document) == ["none given"]


def test_whether_the_controls_fit_is_looked_at_before_anything_is_run(opened, several, home):
    """A worker is asked once, without a press, and what it found stands above the button."""
    app = opened("portfolio", several)
    queue = Queue(load_settings(home).database)
    [job] = queue.active()
    assert job.task == CheckControls("world", several[0]) and say("fit.looking") in written(app)
    opened("portfolio", several)
    assert len(queue.active()) == 1  # it is not asked again
    worker = Board(queue, kind="desk", pid=os.getpid(), born_s=0.0, device="cpu")
    worker.arrive()
    fits = (WorkFit("image.png", True, ""), WorkFit("waits.png", False, "it is a photograph"))
    names = [s.name for s in CaseStore(home / "cases").open(several[0]).subjects()]
    fits = tuple(dataclasses.replace(fit, name=name) for fit, name in zip(fits, names, strict=True))
    worker.done(worker.take().id, to_json(ControlCheck(400, 0, works=fits, measured=True)))
    app = opened("portfolio", several)
    assert say("fit.some", fitting=1, works=2) in [w.value for w in app.warning]
    assert "it is a photograph" in written(app) and queue.active() == []


def test_photographs_do_not_fit_the_bundled_controls_and_their_own_kind_does():
    draw = np.random.default_rng(0)
    noisy = {f"photo{n}": draw.integers(0, 255, (64, 64, 3), dtype=np.uint8) for n in range(6)}
    told = check_measured(world_features(WORLD, Policy()), noisy)
    assert told.ranked == told.pictures >= 100 and not told.fitting
    world = open_world()
    rows = [r for r in read_manifest(world) if r["split"] == "control"][:6]
    alike = {r["id"]: open_image((world.root / r["image"]).read_bytes(), name=r["id"]).rgb for r in rows}
    assert check_measured(world_features(WORLD, Policy()), alike).fitting >= 5
