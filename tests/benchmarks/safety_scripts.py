"""Cross-site-scripting strings in every record, and typed into every text field, looked at in a real browser.

A script that runs calls `alert`, which the browser reports here; a request to any other place than the app
itself is counted and stopped. The HTML reports of the same cases are looked at too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import PngImagePlugin
from playwright.sync_api import Error, TimeoutError

from explorer.cases.case import Case
from explorer.cases.case_facts import MOST_TITLE
from explorer.cases.store import CaseStore
from explorer.images.decode import png_bytes
from explorer.records import (
    Effort,
    LedgerEntry,
    Neighbour,
    PromptCandidate,
    ReplaySettings,
    SearchPlan,
    SearchSummary,
    TermGain,
    to_json,
)
from pages.shared.frame import ALONE, LIBRARY, PATH
from tests.browser.app import browser, running, settled, unfold
from tests.pages.filled import MODEL, SEARCH, picture, replay

A_CASE = 25
TAGS = ("<script>{j}</script>", "<img src=x onerror={j}>", "<svg onload={j}>", "<iframe srcdoc='<script>parent.{j}"
        "</script>'>", "<body onload={j}>", "<details open ontoggle={j}>", "<video><source onerror={j}>",
        "<math><mtext><img src=x onerror={j}>", "<input autofocus onfocus={j}>", "<a href=javascript:{j}>x</a>",
        "<style>@import'http://evil.invalid/x'</style>", "<link rel=stylesheet href=http://evil.invalid/x>",
        "<img src=http://evil.invalid/p.png>", "<meta http-equiv=refresh content='0;url=http://evil.invalid'>",
        "<base href=http://evil.invalid/>", "[x](javascript:{j})", "![x](http://evil.invalid/p.png)",
        "![x](javascript:{j})", "<http://evil.invalid/a>", "$\\href{{javascript:{j}}}{{x}}$",
        "[x]: http://evil.invalid 'y'\n![x]", ":material/x: <b onmouseover={j}>",
        "{{constructor.constructor('{j}')()}}",
        "`<img src=x onerror={j}>`", "```\n<script>{j}</script>")
BREAKS = ("{s}", "\"'>{s}", "</textarea></title></style></script>{s}", "--><!--{s}", "\\\"{s}", "]]>{s}", "|{s}|",
          "\n\n{s}", "\u202e{s}", "{s}\0<!--", "&lt;{s}", "&#60;{s}")


def strings(count: int) -> list[str]:
    """`count` different strings; each would call `alert` with its own number if it ran."""
    return [BREAKS[n // len(TAGS) % len(BREAKS)].replace("{s}", TAGS[n % len(TAGS)].replace("{j}", f"alert({n})")
                                                        .replace("{{", "{").replace("}}", "}"))
            for n in range(count)]


def attack(count: int, folder: Path, *, seconds: float = math.inf, keep: Path | None = None) -> dict[str, Any]:
    """Draws every page of cases full of such strings, and the report of each; counts what ran.

    Ends early, after a whole case, once `seconds` are over; goes on from `keep`.
    """
    told = {"strings": 0, "drawn": 0, "typed": 0, "ran": [], "outside": []}
    if keep is not None and keep.exists():
        told = json.loads(keep.read_text("utf-8"))
    home, said, until = folder / "home", strings(count), time.monotonic() + seconds
    store = CaseStore(home / "cases")
    with running(home) as app, browser() as chrome:
        page = _page(chrome.new_context(), app.url, told)
        while told["strings"] < count and time.monotonic() < until:
            some = said[told["strings"]:told["strings"] + A_CASE]
            _one_case(page, app.url, store, some, told)
            told["strings"] += len(some)
            print({k: v if isinstance(v, int) else len(v) for k, v in told.items()}, flush=True)
            if keep is not None:
                keep.write_text(json.dumps(told), "utf-8")
        page.context.close()
    for words in [*told["ran"], *told["outside"]][:20]:
        print("ran or asked:", words, flush=True)
    return {"strings": told["strings"], "pages_drawn": told["drawn"], "fields_typed": told["typed"],
            "scripts_run": len(told["ran"]), "outside_requests": len(told["outside"])}


def _page(context: Any, url: str, told: dict[str, Any]) -> Any:
    """A tab that notes every dialog, and notes and stops every request to another place than the app."""
    context.set_default_timeout(300_000)
    allowed = (url, "data:", "blob:", "file:", "about:", url.replace("http:", "ws:"))
    context.route("**/*", lambda route: _guard(route, allowed, told["outside"]))
    page = context.new_page()
    page.on("dialog", lambda dialog: (told["ran"].append(dialog.message), dialog.dismiss()))
    return page


def _one_case(page: Any, url: str, store: CaseStore, said: list[str], told: dict[str, Any]) -> None:
    """Every page of a case made of these strings, each typed into its fields; its report; bad addresses."""
    case, subject_id = _case(store, said)
    every = " ".join(said).replace("\n", " ")
    for name in (*PATH, "", *ALONE, *LIBRARY):
        told["drawn"] += _look(page, f"{url}/{name}?case={case.id}&subject={subject_id}")
        told["typed"] += _type(page, every)
    report = store.root.parent / f"{case.id}.html"
    report.write_bytes(_report(case))
    page.goto(report.as_uri())
    page.wait_for_timeout(300)
    case.close()
    for words in map(quote, said[::12]):  # the address is a text field too
        told["drawn"] += _look(page, f"{url}/replay?case={words}&subject={words}&replay={words}")


def _guard(route: Any, allowed: tuple[str, ...], outside: list[str]) -> None:
    if route.request.url.startswith(allowed):
        route.continue_()
    else:
        outside.append(route.request.url)
        route.abort()


def _look(page: Any, url: str) -> int:
    """Draws a page and opens what is folded on it, so that every string is in the document."""
    page.goto(url)
    settled(page, timeout_ms=300_000)
    unfold(page)
    page.wait_for_timeout(400)
    return 1


def _type(page: Any, words: str) -> int:
    """Types the words into each text field that the page shows; returns how many took them."""
    fields, took = page.locator('input[type="text"]:visible:enabled, textarea:visible:enabled'), 0
    for n in range(min(fields.count(), 12)):
        with contextlib.suppress(TimeoutError, Error):  # a field may be gone once the one before it is filled
            fields.nth(n).fill(words, timeout=10_000)
            fields.nth(n).press("Tab", timeout=10_000)
            took += 1
            settled(page, timeout_ms=300_000)
    page.wait_for_timeout(200)
    return took


def _report(case: Case) -> bytes:
    from explorer.report.write_report import make_report
    return make_report(case)


def _case(store: CaseStore, said: list[str]) -> tuple[Case, str]:
    """A case with the strings in its facts, its file's name and metadata, and in every record's texts."""
    every = " ".join(said)
    title = " ".join(words for n, words in enumerate(said) if len(" ".join(said[:n + 1])) <= MOST_TITLE)
    case = store.create(title, owner=every, question=every, case_number=every)
    subject = case.add_subject(_picture(said), every + ".png", caption=every)
    plan = to_json(ReplaySettings(every, seeds=3))
    case.commit(SearchPlan(SEARCH, subject.id, plan, MODEL, "c" * 64, "e" * 64, 3))
    for number, words in enumerate(said[:6]):
        made, png = replay(number, subject.id)
        recipe = type(made.recipe)(**{**vars(made.recipe), "prompt": words, "negative_prompt": words,
                                      "not_replayable": (words,)})
        case.commit(type(made)(**{**vars(made), "recipe": recipe}),
                    blobs={hashlib.sha256(png).hexdigest(): png})
    case.commit(SearchSummary(SEARCH, subject.id, "done", "tiled_l2", "replay0000", Effort(6, 240, 3.0),
                              tuple(LedgerEntry("prompt", 1.0, words) for words in said[:5]), 6))
    case.commit_all([Neighbour(subject.id, rank, words, words[:60], 0.9 - rank / 100, words, words, words, words,
                               words, words, "", 2, 50.0) for rank, words in enumerate(said, 1)])
    case.commit_all([PromptCandidate(subject.id, rank, words, "interrogation", "best", 0.3, 9, 38.0,
                                     (TermGain(words, 0.1, 2),)) for rank, words in enumerate(said, 1)])
    return case, subject.id


def _picture(said: list[str]) -> bytes:
    """A PNG whose text chunks have the strings as keys and as values."""
    import io

    from PIL import Image
    info = PngImagePlugin.PngInfo()
    for words in said:
        info.add_itxt("".join(c for c in words if 31 < ord(c) < 127)[:79] or "x", words)
    info.add_itxt("parameters", f"{said[0]}\nNegative prompt: {said[1]}\nSteps: 20, Sampler: {said[2]}, "
                                f"CFG scale: 7, Seed: 1, Size: 64x64, Model: {said[3]}")
    out = io.BytesIO()
    Image.open(io.BytesIO(png_bytes(picture()))).save(out, "PNG", pnginfo=info)
    return out.getvalue()
