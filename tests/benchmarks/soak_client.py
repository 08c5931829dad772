"""A person at a screen without a browser: Streamlit's own messages over a websocket."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

LONGEST_S = 120.0


@dataclass
class Visit:
    """One session on one page: `seconds` of each drawing, and what went wrong."""

    url: str
    page: str
    query: str
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def reload(self, times: int, *, pause_s: float = 0.0) -> Visit:
        """Opens the page anew `times` times, as F5 does."""
        for _ in range(times):
            try:
                with self._open() as wire:
                    self._draw(wire)
            except (OSError, TimeoutError, ConnectionClosed, ValueError) as error:
                self.errors.append(f"{type(error).__name__}: {error}"[:200])
            time.sleep(pause_s)
        return self

    def watch(self, stop: threading.Event, *, every_s: float) -> Visit:
        """Stays on the page; draws it again now and then, and each part that asks for it by itself."""
        try:
            with self._open() as wire:
                while not stop.is_set():
                    due = self._draw(wire)
                    until = time.monotonic() + every_s
                    while not stop.is_set() and time.monotonic() < until:
                        time.sleep(min([1.0, *due.values()]))
                        for fragment in due:
                            self._draw(wire, fragment=fragment)
        except (OSError, TimeoutError, ConnectionClosed, ValueError) as error:
            self.errors.append(f"{type(error).__name__}: {error}"[:200])
        return self

    def _open(self):
        return connect(self.url.replace("http", "ws", 1) + "/_stcore/stream", subprotocols=["streamlit"],
                       origin=self.url, max_size=2**28, open_timeout=LONGEST_S, ping_interval=None)

    def _draw(self, wire, *, fragment: str = "") -> dict[str, float]:
        """One run of the script or of a part; returns the parts that want to be drawn again, and how often."""
        ask, due, begun = BackMsg(), {}, time.monotonic()
        ask.rerun_script.query_string, ask.rerun_script.page_name = self.query, self.page
        ask.rerun_script.fragment_id = fragment
        wire.send(ask.SerializeToString())
        while True:
            message = ForwardMsg()
            message.ParseFromString(wire.recv(timeout=LONGEST_S))
            kind = message.WhichOneof("type")
            if kind == "auto_rerun":
                due[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                self.errors.append(message.delta.new_element.exception.message[:200])
            elif kind == "script_finished":
                break
        if not fragment:
            self.seconds.append(time.monotonic() - begun)
        return due
