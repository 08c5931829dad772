"""Two logged-in people on one real server: everything of the one, asked for by the other and by nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.jobs import launch
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import EmbedSubject, WriteReport
from explorer.settings import load_settings
from pages.shared.frame import LIBRARY, PATH
from tests.benchmarks.logins import person, secrets_file, user_cookie
from tests.browser.app import browser, running, settled, unfold
from tests.pages.filled import SEARCH, fill

ADA, BOB = "ada", "bob"  # the same address, which counts for nothing
TELLING = ("A ball and a box", "ball.png", "a red ball", "Artist 2")  # words of the case that no page owns


def attack(folder: Path) -> dict[str, Any]:
    """Counts what of the first person's case the second one, or nobody, gets to see."""
    home = folder / "home"
    made, subject_id = fill(home)
    made.close()
    (made.folder / "person.txt").write_text(person(ADA), "utf-8")
    settings = load_settings(home)
    hers = Queue(settings.database, person=person(ADA))
    job = hers.submit(EmbedSubject(made.id, subject_id))
    hers.cancel(job)
    written = hers.submit(WriteReport(made.id))
    launch.tend(settings)
    assert hers.wait(written).state == "done"
    reads = _library(settings, made.id, job)
    login, key = secrets_file(folder)
    links = [f"{name}?case={made.id}&subject={subject_id}&search={SEARCH}&replay=replay0000&job={job}&opening={job}"
             for name in ("", *PATH, *LIBRARY)]
    seen: dict[str, int] = {}
    with running(home, options=("--secrets.files", str(login))) as app, browser() as chrome:
        people = {name: _context(chrome, app.url, key, name) for name in (BOB, "", ADA)}
        drawn: set[str] = set()  # files of the login page, which are everybody's
        files: dict[str, set[str]] = {who: set() for who in people}
        for name, context in people.items():  # the other's deep links are the server's first visits
            page, seen[name], asked = context.new_page(), 0, set() if name == ADA else drawn
            page.on("response", lambda answer, to=asked: to.add(answer.url) if "/media/" in answer.url else None)
            for link in links:
                seen[name] += _tells(page, f"{app.url}/{link}", made.id, named=bool(name))
                asked |= _downloads(page) if name == ADA else set()
                for who in people if name == ADA else ():  # at once: a file goes with its page
                    files[who] |= {url for url in asked - drawn if people[who].request.get(url).ok}
            context.close() if name == ADA else page.close()
    print(f"library: {reads}, pages: {seen}, files: { {w: len(f) for w, f in files.items()} }", flush=True)
    return {"pages_asked": 2 * len(links), "own_pages_seen": seen[ADA], "own_files_read": len(files[ADA]),
            "cross_owner_reads": reads + sum(seen[who] + len(files[who]) for who in (BOB, ""))}


def _context(chrome: Any, url: str, key: str, name: str) -> Any:
    context = chrome.new_context(accept_downloads=True)
    if name:
        context.add_cookies([user_cookie(url, key, name)])
    context.set_default_timeout(300_000)
    return context


def _downloads(page: Any) -> set[str]:
    """Addresses of what the page's download buttons hand out, those of folded parts too."""
    unfold(page)
    found = set()
    for button in page.locator('[data-testid="stDownloadButton"] button:visible').all():
        with page.expect_download() as waiting:
            button.click()
        found.add(waiting.value.url)
    return found


def _tells(page: Any, url: str, case_id: str, *, named: bool) -> int:
    """1 where the drawn page holds anything of the case in its text or its pictures.

    Also 1 where the case stays in the address of somebody logged in, as it does once it is opened; nobody's
    address is left as it was asked.
    """
    page.goto(url)
    settled(page, timeout_ms=300_000)
    page.wait_for_timeout(300)
    shown = page.content()
    return int(any(words in shown for words in TELLING) or (named and case_id in page.url))


def _library(settings: Any, case_id: str, job: str) -> int:
    """What the other person gets by asking the store and the queue themselves for case, blob and job."""
    store, queue = CaseStore(settings.cases, person=person(BOB)), Queue(settings.database, person=person(BOB))
    tries = (lambda: store.open(case_id).subjects(), lambda: store.open(case_id).log(),
             lambda: store.delete(case_id), lambda: store.rename(case_id, "x"), lambda: queue.get(job),
             lambda: queue.resume(job), lambda: queue.cancel(job),
             lambda: launch.cancel(settings, job, person=person(BOB)))
    reads = len(store.list(archived=None)) + len(queue.recent()) + len(queue.active())
    for attempt in tries:
        try:
            attempt()
            reads += 1
        except ExplorerError:
            pass
    return reads
