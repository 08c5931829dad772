"""How many pages may be open at once on a server that several people share, in all and for one person.

Who has not logged in needs a page only for as long as that takes: such pages are counted by themselves, end
soon, and the oldest makes room for the next one, so that strangers keep neither each other nor anybody else
out.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.server import login
from pages.server.media import person_of

MOST, MOST_EACH = 200, 20
MOST_STRANGERS, STRANGER_S = 20, 120.0
TRY_LATER = 1013  # RFC 6455's code for a server that has too much to do


class FewSessions:
    """The server's layer that closes a page's connection at once where too many are open; only with a login."""

    def __init__(self, app: ASGIApp, *, most: int = MOST, most_each: int = MOST_EACH,
                 strangers: int = MOST_STRANGERS, stranger_s: float = STRANGER_S) -> None:
        self.app, self.most, self.most_each = app, most, most_each
        self.most_strangers, self.stranger_s = strangers, stranger_s
        self.open: Counter[str] = Counter()
        self.strangers: list[asyncio.Event] = []  # oldest first; set where one has to go

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or not login.is_on():
            await self.app(scope, receive, send)
        elif who := person_of(HTTPConnection(scope).cookies):
            await self._person(who, scope, receive, send)
        else:
            await self._stranger(scope, receive, send)

    async def _person(self, who: str, scope: Scope, receive: Receive, send: Send) -> None:
        if self.open.total() >= self.most or self.open[who] >= self.most_each:
            await receive()  # the request to connect, which a server must have read before it refuses
            await send({"type": "websocket.close", "code": TRY_LATER, "reason": "too many pages are open"})
            return
        self.open[who] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.open[who] -= 1
            self.open += Counter()  # drops who has none

    async def _stranger(self, scope: Scope, receive: Receive, send: Send) -> None:
        go = asyncio.Event()
        self.strangers.append(go)
        for oldest in self.strangers[:-self.most_strangers]:
            oldest.set()
        timer = asyncio.get_running_loop().call_later(self.stranger_s, go.set)
        line = _Line(receive, send, go)
        try:
            await self.app(scope, line.receive, line.send)
        finally:
            timer.cancel()
            self.strangers.remove(go)
            await line.close()


class _Line:
    """A connection that is over, for both its ends, once `go` is set."""

    def __init__(self, receive: Receive, send: Send, go: asyncio.Event) -> None:
        self._receive, self._send, self._go = receive, send, go
        self._next: asyncio.Task | None = None
        self._over = False

    async def receive(self) -> Message:
        self._next = self._next or asyncio.ensure_future(self._receive())
        told = asyncio.ensure_future(self._go.wait())
        try:
            await asyncio.wait({self._next, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
        if not self._next.done():
            if not self._over:
                self._over = True
                await self._send({"type": "websocket.close", "code": TRY_LATER, "reason": "log in to stay"})
            return {"type": "websocket.disconnect", "code": TRY_LATER}
        message, self._next = self._next.result(), None
        return message

    async def send(self, message: Message) -> None:
        if not self._over:
            await self._send(message)

    async def close(self) -> None:
        """Lets go of what was still waited for."""
        if self._next is not None:
            self._next.cancel()
