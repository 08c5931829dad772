"""Too many open pages of one person, of strangers, or of all; who closes one may open another."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pages.server import sessions


@pytest.fixture
def login_on(monkeypatch):
    """A server with a login, whose cookie `me` names a person; its switch."""
    on = [True]
    monkeypatch.setattr(sessions, "person_of", lambda cookies: cookies.get("me", ""))
    monkeypatch.setattr("pages.server.login.is_on", lambda: on[0])
    return on


class Page:
    """One connection, as the server's outermost layer sees it; it stays open until `leave`."""

    def __init__(self, person: str) -> None:
        self.said: asyncio.Queue = asyncio.Queue()
        self.said.put_nowait({"type": "websocket.connect"})
        self.sent: list[dict] = []
        self.scope = {"type": "websocket", "headers": [(b"cookie", f"me={person}".encode())] if person else []}

    async def send(self, message: dict) -> None:
        self.sent.append(message)

    def open(self, layer: sessions.FewSessions) -> asyncio.Task:
        return asyncio.ensure_future(layer(self.scope, self.said.get, self.send))

    def leave(self) -> None:
        self.said.put_nowait({"type": "websocket.disconnect", "code": 1001})

    @property
    def refused(self) -> bool:
        return [m["code"] for m in self.sent if m["type"] == "websocket.close"] == [sessions.TRY_LATER]


async def served(scope, receive, send) -> None:
    """What Streamlit does of it: accepts, then waits until it is told that the connection ended."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass
    await send({"type": "websocket.send", "bytes": b"too late"})


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: a browser's driver keeps a loop running in the tests' own thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def visit(layer: sessions.FewSessions, people: list[str], *, stay_s: float = 0.05) -> list[bool]:
    """Opens pages of the named people one after the other; which of them the server refused or ended."""
    async def opened() -> list[bool]:
        pages = [Page(person) for person in people]
        tasks = []
        for page in pages:
            tasks.append(page.open(layer))
            await asyncio.sleep(0)
        await asyncio.sleep(stay_s)
        ended = [page.refused for page in pages]
        for page in pages:
            page.leave()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)
        assert not any(m.get("bytes") for page, gone in zip(pages, ended, strict=True) if gone for m in page.sent)
        return ended
    return run(opened())


def test_a_person_has_only_so_many_pages(login_on):
    layer = sessions.FewSessions(served, most=100, most_each=3)
    assert visit(layer, ["ada"] * 5 + ["bob"] * 3) == [False] * 3 + [True] * 2 + [False] * 3
    assert not layer.open and visit(layer, ["ada"] * 3) == [False] * 3


def test_a_server_has_only_so_many_pages(login_on):
    layer = sessions.FewSessions(served, most=4, most_each=3)
    assert visit(layer, ["ada", "bob", "eve", "joe", "kim", "lea"]) == [False] * 4 + [True] * 2


def test_strangers_keep_nobody_out(login_on):
    layer = sessions.FewSessions(served, most=3, most_each=2, strangers=20)
    ended = visit(layer, [""] * 500 + ["ada", "bob", "ada"])
    assert ended[500:] == [False] * 3  # who has logged in is not counted among them
    assert ended[480:500] == [False] * 20 and all(ended[:480])  # the oldest made room, and the newest is in
    assert layer.strangers == [] and not layer.open


def test_a_strangers_page_ends_soon(login_on):
    layer = sessions.FewSessions(served, stranger_s=0.02)
    assert visit(layer, ["", "ada"], stay_s=0.3) == [True, False]


def test_without_a_login_every_page_is_the_one_persons(login_on):
    login_on[0] = False
    layer = sessions.FewSessions(served, most=2, most_each=1, strangers=1, stranger_s=0.01)
    assert visit(layer, [""] * 9, stay_s=0.2) == [False] * 9


def test_other_requests_are_let_through(login_on):
    asked = []

    async def app(scope, receive, send) -> None:
        asked.append(scope["path"])
    run(sessions.FewSessions(app, most=0)({"type": "http", "path": "/"}, None, None))
    assert asked == ["/"]
