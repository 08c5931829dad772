"""How many pages may be open at once on a server that several people share, in all and for one person."""

from __future__ import annotations

from collections import Counter

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.server.media import person_of

MOST, MOST_EACH = 200, 20
TRY_LATER = 1013  # RFC 6455's code for a server that has too much to do


class FewSessions:
    """The server's layer that closes a page's connection at once where too many are open."""

    def __init__(self, app: ASGIApp, *, most: int = MOST, most_each: int = MOST_EACH) -> None:
        self.app, self.most, self.most_each = app, most, most_each
        self.open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        who = person_of(HTTPConnection(scope).cookies)
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
