"""Replays of a sweep in a table: every cell's closest, its number, and which values are shown."""

from __future__ import annotations

import subprocess
import sys

from explorer.cases.view import Try
from explorer.records import Start
from explorer.search.grid import sheets, varied


def made(value, **settings):
    plain = Try(f"{value}", "q", False, value, 0, None, Start.NOISE, 5.0, 20, "euler", "a boat", 1, 1.0)
    start = Start.NOISE if settings.get("strength") is None else Start.SUBJECT
    return plain._replace(**{"start": start} | settings)


def test_only_what_differs_is_an_axis():
    found = [made(0.1), made(0.2, seed=1), made(0.3, seed=1, strength=0.4)]
    assert varied(found) == {"seed": 2, "strength": 2}
    assert varied(found[:1]) == {}


def test_each_cell_has_its_closest_and_how_many():
    found = [made(0.5, seed=1, steps=10), made(0.3, seed=2, steps=10),
             made(0.2, seed=2, steps=10, guidance=7.0), made(0.4, seed=1, steps=20)]
    sheet, = sheets(found, score="tiled_l2", x="seed", y="steps")
    assert (sheet.columns, sheet.rows) == ((1, 2), (10, 20))
    assert [[c and (c[0].id, c[1]) for c in row] for row in sheet.cells] == [
        [("0.5", 1), ("0.2", 2)], [("0.4", 1), None]]
    by_guidance = sheets(found, score="tiled_l2", x="seed", y="steps", z="guidance")
    assert [s.value for s in by_guidance] == [5.0, 7.0]
    assert by_guidance[1].cells == ((None, (found[2], 1)), (None, None))
    assert sheets([made(None), made(None, seed=1)], score="psnr", x="seed", y="steps")[0].cells == ()


def test_higher_scores_and_noise_come_in_their_order():
    found = [made(0.1, strength=s, seed=n) for s in (0.4, None) for n in (0, 1)]
    found = [t._replace(value=10.0 + n) for n, t in enumerate(found)]
    sheet, = sheets(found, score="psnr", x="strength", y="steps")
    assert sheet.columns == (None, 0.4) and [c[0].value for c in sheet.cells[0]] == [13.0, 11.0]


def test_what_started_from_elsewhere_stands_apart_from_noise_and_from_the_subject():
    starts = ((Start.NOISE, None), (Start.SUBJECT, 0.4), (Start.REPLAY, 0.4), (Start.OPTIMISED, None))
    found = [made(0.1, seed=n, start=start, strength=s) for start, s in starts for n in (0, 1)]
    sheet, = sheets(found, score="tiled_l2", x="strength", y="steps")
    assert sheet.columns == (None, 0.4, (Start.OPTIMISED, 0.0), (Start.REPLAY, 0.4))
    assert [count for _, count in sheet.cells[0]] == [2, 2, 2, 2]


def test_the_values_that_came_closest_are_shown():
    found = [made(1 - n / 100, seed=n) for n in range(50)]
    sheet, = sheets(found, score="tiled_l2", x="seed", y="steps", most=3)
    assert sheet.columns == (47, 48, 49)


def test_screens_can_import_it_without_heavy_libraries():
    code = "import sys, explorer.search.grid; print(sorted({'torch', 'numpy', 'diffusers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=True).stdout.strip() == "[]"
