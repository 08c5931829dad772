"""How quick the screens stay, how far down the answer stands, what a set-up takes, and how hard the words are.

    python -m tests.benchmarks.bench_screens [--parts speed answer setup reading] [--store]
    python -m tests.benchmarks.bench_screens --stored

`speed`: seconds an interaction with 2,000 replays and 10,000 neighbours in a case. Each page drawn again, and what
a person does most on the two long ones: sort, filter, leave out near copies, turn the page, hide one (which writes
to the log, so that everything is read anew). Each page is drawn by Streamlit's own harness, without a browser: the
time is that of the script, as wall clock and as processor time of the screen process. The budget is 0.5 s at the
median. `answer`: where the answer of a finished example ends, in px from the top of a window of each width.
`setup`: clicks and typed strings from a fresh workspace to the first tested picture. `reading`: Flesch and
Kincaid's grade of the screens' English, and the longest sentence. The last line is JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # so that it starts by its path as well

from tests.benchmarks.stored import store, stored  # noqa: E402
from tests.pages.filled import fill, neighbour, replay  # noqa: E402

NAME, BUDGET_S = "bench_screens", 0.5
PAGES = ("subject", "prompt", "neighbours", "replay", "findings", "report", "portfolio")
PICTURES = 40  # different pictures among the replays
Act = Callable[[Any, int], Any]


def large_case(home: Path, *, replays: int, neighbours: int) -> tuple[str, str]:
    """Writes a case with so many replays and neighbours; returns its id and its subject's."""
    case, subject_id = fill(home, replays=12)
    made = [replay(n, subject_id) for n in range(PICTURES)]
    many = [dataclasses.replace(made[n % PICTURES][0], id=f"many{n:06d}",
                                recipe=dataclasses.replace(made[n % PICTURES][0].recipe, seed=1000 + n))
            for n in range(replays - 12)]
    for _, png in made:
        case.put_blob(png)
    case.commit_all(many)
    case.commit_all([neighbour(subject_id, n) for n in range(1, neighbours + 1)])
    case.close()
    return case.id, subject_id


def acts() -> dict[str, tuple[str, Act]]:
    """What is done → its page and how; the number of the time lets it go to and fro."""
    return {
        "replay: rank by another score": ("replay", lambda app, n: _of(app.selectbox, "by").set_value(
            ("ssim", "tiled_l2")[n % 2])),
        "replay: turn the page": ("replay", lambda app, n: _of(app.number_input, "page_").set_value(2 + n % 2)),
        "replay: leave out near copies": ("replay", lambda app, n: _of(app.toggle, "fold_").set_value(n % 2 == 0)),
        "replay: hide one": ("replay", lambda app, n: _of(app.button, "one_hidden").click()),
        "neighbours: sort": ("neighbours", lambda app, n: _of(app.button_group, "order").set_value(
            ("creator", "rank")[n % 2])),
        "neighbours: turn the page": ("neighbours", lambda app, n: _of(app.number_input, "works_page_").set_value(
            2 + n % 2)),
    }


def _of(widgets: Any, key: str) -> Any:
    return next(w for w in widgets if (w.key or "").startswith(key))


def measure(name: str, case: tuple[str, str], times: int, act: Act | None = None) -> dict[str, float]:
    """Median seconds of drawing a page again as it is, or after `act`."""
    from streamlit.testing.v1 import AppTest

    from pages.shared.frame import script
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.query_params["case"], app.query_params["subject"] = case
    app.run()
    app.switch_page(script(name)).run()
    _sound(app, name)
    wall, cpu = [], []
    for n in range(times):
        asked = act(app, n) if act else app
        began, used = time.perf_counter(), time.process_time()
        asked.run()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
        _sound(app, name)
    return {"wall_s": round(statistics.median(wall), 3), "cpu_s": round(statistics.median(cpu), 3)}


def _sound(app: Any, name: str) -> None:
    """A page that failed is quick: it is still the one that was asked for, and no error stands on it."""
    from pages.shared.texts import say
    assert app.title[0].value == say(f"{name}.title") and not app.exception and not app.error


def speed(given: argparse.Namespace) -> dict[str, Any]:
    """Seconds of every page and act, with a large case open."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AFTERIMAGE_HOME"] = folder
        from explorer.jobs import launch
        launch.ensure_workers = lambda *a, **k: []  # nothing is computed here
        case = large_case(Path(folder), replays=given.replays, neighbours=given.neighbours)
        found = {name: measure(name, case, given.times) for name in given.only or PAGES}
        done = {label: measure(page, case, given.times, act) for label, (page, act) in acts().items()
                if page in (given.only or PAGES)}
    every = [*found.values(), *done.values()]
    wall = sorted(one["wall_s"] for one in every)
    return {"replays": given.replays, "neighbours": given.neighbours, "budget_s": BUDGET_S,
            "median_s": round(statistics.median(wall), 3), "longest_s": wall[-1],
            "median_cpu_s": round(statistics.median(one["cpu_s"] for one in every), 3),
            "longest_cpu_s": max(one["cpu_s"] for one in every), "pages": found, "acts": done,
            "load": round(os.getloadavg()[0], 1)}


def answer(_given: argparse.Namespace) -> dict[str, Any]:
    """Window's width -> lower edge of the answer in px."""
    from tests.browser.answer_place import answer_y_px
    return {"answer_y_px": answer_y_px()}


def setup(_given: argparse.Namespace) -> dict[str, Any]:
    """Clicks and typed strings of a rehearsal."""
    from tests.browser.rehearsal import counted
    with tempfile.TemporaryDirectory() as folder:
        return counted(Path(folder))


def reading(_given: argparse.Namespace) -> dict[str, Any]:
    """The highest grade among the screens' sections, that of all their sentences, and the longest sentence."""
    from tests.texts.reading import grade, graded, long, sections, whole
    hardest, highest, _ = max(graded("screens"), key=lambda one: one[1])
    every = [s for texts in sections("screens").values() for text in texts.values() for s in whole(text)]
    return {"reading_grade": round(grade(every), 1), "reading_grade_highest": round(highest, 1),
            "reading_hardest_section": hardest, "sentences_over_30_words": len(list(long("screens")))}


PARTS = {"speed": speed, "answer": answer, "setup": setup, "reading": reading}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=2000)
    parser.add_argument("--neighbours", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="pages whose speed is measured")
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--store", action="store_true", help="keep the result for --stored")
    parser.add_argument("--stored", action="store_true", help="print the last result that was kept")
    given = parser.parse_args()
    if given.stored:
        print(stored(NAME))
        return
    result = {key: value for part in given.parts for key, value in PARTS[part](given).items()}
    if given.store:
        store(NAME, result, parts=given.parts)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
