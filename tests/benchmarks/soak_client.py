"""A person at a screen without a browser: Streamlit's own messages over a websocket."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from pages.shared.texts import say

LONGEST_S = 120.0
MOST_SHOWN = 3  # faults of the program, from the server's log
FAULT = say("app.fault")


def show_faults(log: Path) -> None:
    """Prints the last tracebacks of pages that failed, from a server's log."""
    found = log.read_text("utf-8", errors="replace").split("a page failed\n")[1:] if log.exists() else []
    for fault in found[-MOST_SHOWN:]:
        print("a page failed:", fault[-3000:], flush=True)


@dataclass
class Visit:
    """One session on one page: `seconds` of each drawing, and what went wrong."""

    url: str
    page: str
    query: str
    cookie: str = ""  # of somebody logged in: name=value
    title: str = ""  # of the page that was drawn last
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def reload(self, times: int, *, pause_s: float = 0.0) -> Visit:
        """Opens the page anew `times` times, as F5 does."""
        for _ in range(times):
            try:
                with self._open() as wire:
                    self._draw(wire)
            except (OSError, TimeoutError, WebSocketException, ValueError) as error:
                self.errors.append(f"{type(error).__name__}: {error}"[:200])
            time.sleep(pause_s)
        return self

    def watch(self, stop: threading.Event, *, every_s: float) -> Visit:
        """Stays on the page; draws it again now and then, and each part that asks for it by itself."""
        try:
            with self._open() as wire:
                while not stop.is_set():
                    parts = self._draw(wire)
                    again = time.monotonic() + every_s
                    due = {part: time.monotonic() + s for part, s in parts.items()}
                    while not stop.is_set() and time.monotonic() < again:
                        time.sleep(max(0.0, min([again, *due.values()]) - time.monotonic()))
                        for part in [p for p, at in due.items() if at <= time.monotonic()]:
                            self._draw(wire, part=part)
                            due[part] = time.monotonic() + parts[part]
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            self.errors.append(f"{type(error).__name__}: {error}"[:200])
        return self

    def _open(self):
        token = generate_xsrf_token_string()
        cookies = f"{XSRF_COOKIE_NAME}={token}" + (f"; {self.cookie}" if self.cookie else "")
        return connect(self.url.replace("http", "ws", 1) + "/_stcore/stream", subprotocols=["streamlit", token],
                       additional_headers={"Cookie": cookies}, origin=self.url, max_size=2**28,
                       open_timeout=LONGEST_S, ping_interval=None)

    def _draw(self, wire, *, part: str = "") -> dict[str, float]:
        """One run of the script or of a part; returns the parts that want to be drawn again, and how often."""
        ask, due, begun = BackMsg(), {}, time.monotonic()
        ask.rerun_script.query_string, ask.rerun_script.page_name = self.query, self.page
        ask.rerun_script.fragment_id = part
        wire.send(ask.SerializeToString())
        while True:
            message = ForwardMsg()
            message.ParseFromString(wire.recv(timeout=LONGEST_S))
            kind = message.WhichOneof("type")
            if kind == "auto_rerun":
                due[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "delta":
                self._note(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                break
        if not part:
            self.seconds.append(time.monotonic() - begun)
        return due

    def _note(self, element: Any) -> None:
        """Keeps the page's title, and what on it says that the program failed."""
        kind = element.WhichOneof("type")
        if kind == "heading" and element.heading.tag == "h1":
            self.title = element.heading.body
        elif kind == "exception":
            self.errors.append(element.exception.message[:200])
        elif kind == "alert" and element.alert.body == FAULT:
            self.errors.append(f"{self.page}: a fault of the program")
