"""The first page's modules, read while the browser that will ask for it still loads its own files."""

from __future__ import annotations

import importlib
import threading

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MODULES = ("pages.tasks.tray", "pages.tasks.model_chip", "pages.start.cards", "pages.library.example_works",
           "pages.library.stories")


class EarlyImports:
    """The server's layer that imports what the first page takes once the server answers, beside everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                threading.Thread(target=_read, name="early imports", daemon=True).start()

        await self.app(scope, receive, told if scope["type"] == "lifespan" else send)


def _read() -> None:
    for name in MODULES:
        importlib.import_module(name)
