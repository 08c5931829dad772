"""What is measured of one replay afterwards: its start's code, and its closeness once aligned."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from explorer.closeness.ledger import total_bits
from explorer.closeness.start_code import StartBill
from explorer.errors import ExplorerError
from explorer.findings.case_ledger import replay_ledger
from explorer.findings.case_plane import case_plane
from explorer.findings.finding import AlignedReplay
from explorer.images.decode import read_png
from explorer.jobs.tasks import AlignReplay, MeasureStart
from explorer.records import SearchSummary
from tests.worker.test_runners import sources, work  # noqa: F401  (fixtures)


@pytest.fixture
def searched(work):  # noqa: F811
    work.run(work.search(strengths=(0.5,), seeds=1))
    replays = work.case.replays(work.subject.id, order_by="tiled_l2", limit=-1)
    given = next(r for r in replays if r.recipe.strength is not None)
    plain = next(r for r in replays if r.recipe.strength is None)
    return work, given, plain


def test_a_measured_code_takes_the_bounds_place_in_every_ledger(searched):
    work, given, _ = searched  # noqa: F811
    before = {e.source: e for e in replay_ledger(work.case, given)}
    assert before["starting image"].code.startswith("At most")
    work.run(MeasureStart(work.case.id, given.id, work.settings.model))
    found = work.case.record(StartBill, given.id)
    after = {e.source: e for e in replay_ledger(work.case, given)}
    assert after["starting image"].bits == found.bits > 0 and found.closeness <= given.closeness["tiled_l2"]
    assert found.bits < before["starting image"].bits  # the subject is random pixels: no file makes it short
    assert found.gaussian_bits > 0 and found.diffc_bits > 0 and found.diffc_error >= 0
    point = next(p for p in case_plane(work.case, work.subject.id).points if p.replay_id == given.id)
    assert point.bits == pytest.approx(total_bits(replay_ledger(work.case, given)))
    summary = work.case.record(SearchSummary, given.search_id)
    if summary.best_replay_id == given.id:
        assert {e.source: e.bits for e in summary.ledger}["starting image"] == found.bits


def test_a_replay_from_a_seed_has_no_start_to_measure(searched):
    work, _, plain = searched  # noqa: F811
    with pytest.raises(ExplorerError, match="nothing to measure"):
        work.run(MeasureStart(work.case.id, plain.id, work.settings.model))


def test_a_replay_reached_in_rounds_is_charged_for_them(searched):
    work, _, plain = searched  # noqa: F811
    steps = work.search(mode="closer", parent=plain.id, rounds=1, options=2)
    work.run(dataclasses.replace(steps, search_id="closer"))
    reached = work.case.replays(work.subject.id, search_id="closer", order_by="time", limit=-1)[0]
    with pytest.raises(ExplorerError, match="in rounds"):
        work.run(MeasureStart(work.case.id, reached.id, work.settings.model))
    assert replay_ledger(work.case, reached)[-1].source == "rounds"


def test_the_plane_knows_how_close_the_autoencoder_itself_comes(searched):
    work, given, _ = searched  # noqa: F811
    floor = case_plane(work.case, work.subject.id).floor
    assert 0 < floor < 1 and floor == work.case.record(SearchSummary, given.search_id).floor["tiled_l2"]


def test_an_aligned_replay_is_kept_apart_with_what_was_done(searched):
    work, given, _ = searched  # noqa: F811
    before = work.case.replay(given.id)
    work.run(AlignReplay(work.case.id, given.id, ("colour",)))
    found = work.case.record(AlignedReplay, f"{given.id} colour")
    laid = read_png(work.case.blob(found.image_sha256))
    assert found.closeness["l2"] <= before.closeness["l2"] and "colours fitted" in found.done
    assert not np.array_equal(laid, read_png(work.case.blob(given.image_sha256)))
    assert work.case.replay(given.id) == before
    with pytest.raises(ExplorerError, match="at least one way"):
        work.run(AlignReplay(work.case.id, given.id, ("rotate",)))
