"""Too many open pages of one person, or of all, are refused; who closes one may open another."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pages.server import sessions


@pytest.fixture
def visit(monkeypatch):
    """Opens pages of the named people at once; returns what the server said to those that it refused."""
    monkeypatch.setattr(sessions, "person_of", lambda cookies: cookies.get("me", ""))

    async def opened(layer: sessions.FewSessions, people: list[str]) -> list[int]:
        refused: list[int] = []

        async def send(message: dict) -> None:
            refused.append(message["code"])

        async def receive() -> dict:
            return {"type": "websocket.connect"}
        await asyncio.gather(*(layer({"type": "websocket", "headers": [(b"cookie", f"me={p}".encode())]}, receive,
                                     send) for p in people))
        return refused
    return lambda layer, people: run(opened(layer, people))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: a browser's driver keeps a loop running in the tests' own thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def page(scope, receive, send) -> None:
    await asyncio.sleep(0.05)


def test_a_person_has_only_so_many_pages(visit):
    layer = sessions.FewSessions(page, most=100, most_each=3)
    assert visit(layer, ["ada"] * 5 + ["bob"] * 3) == [sessions.TRY_LATER] * 2
    assert not layer.open and visit(layer, ["ada"] * 3) == []


def test_a_server_has_only_so_many_pages(visit):
    layer = sessions.FewSessions(page, most=4, most_each=3)
    assert visit(layer, ["ada", "bob", "eve", "joe", "kim", "lea"]) == [sessions.TRY_LATER] * 2


def test_other_requests_are_let_through():
    asked = []

    async def app(scope, receive, send) -> None:
        asked.append(scope["path"])
    run(sessions.FewSessions(app, most=0)({"type": "http", "path": "/"}, None, None))
    assert asked == ["/"]
