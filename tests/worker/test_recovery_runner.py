"""A scan for known seeds through the worker: found and replayed, resumed, and silent where nothing stands out."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.errors import Cancelled, ExplorerError
from explorer.jobs.tasks import GenerateSubject, RecoverSeed
from explorer.records import ReplaySettings
from explorer.records.scans import CLAIM_BELOW, REPEATS_AT, SeedScan
from tests.heard import Heard
from tests.worker.test_runners import sources, work  # noqa: F401

SEED = 5000


@pytest.fixture
def made(work, world):  # noqa: F811
    """A case whose subject the bundled model made from a seed; the scan does not know which."""
    plain = ReplaySettings("clip art of a red sailing boat", first_seed=SEED, seeds=1, steps=(8,))
    work.settings = dataclasses.replace(work.settings, model="world")
    found = work.run(GenerateSubject(work.case.id, plain, "world"))
    work.subject = work.case.subject(found["subject_id"])
    work.case.choose_prompt(work.subject.id, plain.prompt)
    return work


def task(work, **more):  # noqa: F811
    return RecoverSeed(**({"case_id": work.case.id, "subject_id": work.subject.id, "scan_id": "scan",
                           "stop": 6000, "model": work.settings.model} | more))


def test_a_seed_is_found_and_replayed(made):
    result = made.run(task(made))
    stored, = made.case.records(SeedScan, subject_id=made.subject.id)
    assert stored.done and stored.tried == 6000 * 2 and {m.seed for m in stored.claims} == {SEED}
    assert "tiled_l2" in stored.claims[0].closeness and result["matches"][0]["seed"] == SEED
    assert not any(m.closeness for m in stored.matches if m.seed != SEED)


def test_a_scan_that_was_stopped_goes_on(made):
    job = task(made)
    run = Heard(when=lambda: any(told.message == "trying seeds" for told in run.reports))
    with pytest.raises(Cancelled):
        made.run(job, run)
    stored, = made.case.records(SeedScan)
    assert not stored.done and stored.next_seed == 2048 == stored.tried // 2
    made.run(job)
    assert made.case.records(SeedScan)[0].tried == 6000 * 2


def test_an_image_of_another_origin_is_not_named(work):  # noqa: F811
    result = work.run(task(work, stop=3000))
    assert all(m["chance"] >= CLAIM_BELOW for m in result["matches"])
    with pytest.raises(ExplorerError, match="no range"):
        work.run(task(work, first=9, stop=9, scan_id="other"))
    with pytest.raises(ExplorerError, match="4,294,967,296 seeds"):
        work.run(task(work, first=REPEATS_AT - 5, stop=REPEATS_AT + 5, scan_id="other"))
