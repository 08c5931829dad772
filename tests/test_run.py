"""Parts of a run: they tick with it, and what they report is counted, retold or left out."""

import dataclasses

import pytest

from explorer.errors import Cancelled
from explorer.records import Progress
from explorer.run import QUIET, Counted, Retold, Within
from tests.heard import Heard


def test_a_run_that_nobody_watches_goes_on():
    QUIET.tick()
    QUIET.report(Progress(1, 2))


def test_a_part_ticks_with_its_run_and_says_nothing():
    run = Heard(end_at=3)
    part = Within(run)
    part.tick()
    part.report(Progress(1, 2, "of no use to anybody else"))
    assert (run.ticks, run.reports) == (2, [])
    with pytest.raises(Cancelled):
        part.tick()


def test_ticks_are_counted_and_never_beyond_the_total():
    run = Heard()
    part = Counted(run, 2, "measuring")
    for _ in range(3):
        part.tick()
    assert [(told.done, told.total, told.message) for told in run.reports] == [
        (1, 2, "measuring"), (2, 2, "measuring"), (2, 2, "measuring")]


def test_reports_are_put_in_other_words():
    run = Heard()
    Retold(run, lambda told: dataclasses.replace(told, message=told.message.upper())).report(Progress(1, 2, "loud"))
    assert run.reports == [Progress(1, 2, "LOUD")]
