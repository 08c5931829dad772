"""The server's outermost layers, for one person and for several: whose requests it answers, and how.

A browser names the host that it asked for and the page that asks. A name that is not this server's own, such as
one that points at 127.0.0.1 to get round the browser's own rule, is answered with 403 whatever is asked for;
so is every other page's request, on another port of this computer too.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import net_util
from streamlit.web.server.server_util import is_allowed_origin
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from explorer.texts import say
from pages.server import early, media, sessions

NOT_OURS = 1008  # RFC 6455's code for what a server's rules forbid
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'", "X-Frame-Options": "DENY",  # no other page may hold ours
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


class OwnPages:
    """The server's layer that answers only its own names (`server.allowedHosts`) and its own pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif is_ours(Headers(scope=scope)):
            await self.app(scope, receive, _guarded(send))
        elif scope["type"] == "websocket":
            await receive()  # the request to connect, which a server must have read before it refuses
            await send({"type": "websocket.close", "code": NOT_OURS})
        else:
            answer = PlainTextResponse(say("app.not_ours"), status_code=403)
            await answer(scope, receive, _guarded(send))


def is_ours(headers: Headers) -> bool:
    """Whether a request names this server and comes from its own page, or from no page at all.

    A page's origin is ours where it has the very name and port that were asked for, or where it stands in
    `server.corsAllowedOrigins`, for a proxy that hands on under another name.
    """
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    if len(hosts) != 1 or len(origins) > 1 or not is_host_allowed(hosts[0]):
        return False
    return not origins or is_allowed_origin(origins[0]) or _place(origins[0]) == hosts[0].lower()


def layers() -> list[Middleware]:
    """What every request goes through, outermost first.

    Also keeps Streamlit from asking outside services which address this computer has, and files with their
    owners; to be called before the server starts.
    """
    net_util._external_ip = net_util._internal_ip = "127.0.0.1"
    media.guard()
    return [Middleware(layer) for layer in (early.EarlyImports, OwnPages, sessions.FewSessions, media.OwnMedia)]


def _place(origin: str) -> str | None:
    """Name and port of an origin; None for "null" and for what is none."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") and parts.netloc else None


def _guarded(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)
    return sent
