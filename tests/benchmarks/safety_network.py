"""Hostile addresses through the network client and a real local server; nothing leaves this computer.

Names and public addresses are stand-ins: a resolver of our own answers for every name, and a guard under
`socket.connect` leads the one public address to a server here, counts each connection to any other
address, and makes none of them but those to this computer itself.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest import mock

from explorer.collections.net import FetchPolicy, fetch
from explorer.collections.thumbnails import TYPES, fetch_thumbnail
from explorer.errors import ExplorerError

PUBLIC = "93.184.216.34"
LATE_S = 1.5
PRIVATE = ("127.0.0.1", "127.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1",
           "017700000001", "0", "0.0.0.0", "10.0.0.1", "10.1", "0x0a000001", "172.16.0.1", "172.31.255.255",
           "192.168.0.1", "192.168.257", "169.254.169.254", "2852039166", "0xA9FEA9FE", "100.64.0.1",
           "198.18.0.1", "192.0.0.1", "192.0.2.1", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
           "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]",
           "[::127.0.0.1]", "[fe80::1]", "[fe80::1%25lo]", "[fe80::5efe:7f00:1]", "[fec0::1]", "[fc00::1]",
           "[fd00:ec2::254]", "[ff02::1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
           "[2002:a00:1::1]", "[2001:0:7f00:1:0:0:80ff:fffe]", "[2001:db8::1]", "[100::1]", "localhost",
           "localhost.", "LOCALHOST", "ip6-localhost", "inside.example", "both.example", "rebind.example",
           "127.0.0.1.", "①②⑦.0.0.1", "127。0。0。1", "%31%32%37.0.0.1")
ENDLESS = ("/drip", "/headers", "/stopped", "/silent", "/endless", "/line")  # none of which is ever an answer
CROOKED = ("file:///etc/passwd", "gopher://{h}/_x", "ftp://{h}/", "dict://{h}/", "http://a@{h}/",
           "http://a:b@{h}/", "http://public.example@{h}/", "http://public.example#@{h}/", "http://{h}\\@x/",
           "//{h}/", "http:///{h}/", "http:{h}/", "http://[", "http://[::1", "http://{h}:99999/",
           "http://{h}:-1/", "http://{h}/\r\nX: y", "http://{h} /", "http://\u202e{h}/", "\0http://{h}/",
           "jar:http://{h}!/", "data:text/html,x", "javascript:alert(1)", "http://ex\u2100mple.{h}/", "")


class Inside(BaseHTTPRequestHandler):
    """What must never be reached: counts whatever comes."""

    hits = 0

    def do_GET(self) -> None:
        Inside.hits += 1
        self.send_response(200)
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


class Outside(BaseHTTPRequestHandler):
    """The public server: redirects to `?to=`, drips, or never ends."""

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            kind, _, to = self.path[1:].partition("?")
            getattr(self, f"_{kind}", self._redirect)(to)

    def _redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", bytes.fromhex(to).decode("utf-8").replace("\r", "").replace("\n", "").encode(
            "utf-8").decode("latin-1"))
        self.end_headers()

    def _start(self, *headers: tuple[str, str]) -> None:
        self.send_response(200)
        for name, value in (("Content-Type", "image/png"), *headers):
            self.send_header(name, value)
        self.end_headers()

    def _drip(self, _: str) -> None:
        self._start()
        for _ in range(200):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def _headers(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(200):
            self.wfile.write(b"X-%d: y\r\n" % number)
            time.sleep(0.05)

    def _stopped(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nX-Half: y")

    def _silent(self, _: str) -> None:
        time.sleep(3 * LATE_S)

    def _endless(self, _: str) -> None:
        self._start()
        for _ in range(100_000):
            self.wfile.write(bytes(65_536))

    def _chunks(self, _: str) -> None:
        self._start(("Transfer-Encoding", "chunked"))
        self.wfile.write(b"FFFFFFFFFFFFFFFF\r\n" + bytes(1000))

    def _longer(self, _: str) -> None:
        self._start(("Content-Length", "99999999999999999999"))

    def _packed(self, _: str) -> None:
        self._start(("Content-Encoding", "gzip"))

    def _line(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 " + b"x" * 500_000)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def _serving(handler: type, family: int = socket.AF_INET) -> Iterator[int]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield made.server_port
    finally:
        made.shutdown()
        made.server_close()


class Guard:
    """The resolver, and the guard under every connection of this process."""

    def __init__(self, outside: int, inside: int) -> None:
        self.outside, self.inside, self.forbidden, self.asked = outside, inside, 0, itertools.count()
        self._connect, self._resolve = socket.socket.connect, socket.getaddrinfo

    def resolve(self, host: str, port: Any, *_: Any, **options: Any) -> list:
        name = str(host).lower().rstrip(".")
        found = {"inside.example": ["127.0.0.1"], "both.example": [PUBLIC, "127.0.0.1"],
                 "rebind.example": [PUBLIC if next(self.asked) % 2 == 0 else "10.0.0.1"]}
        if name.endswith(".example") and name not in found:
            found[name] = [PUBLIC]
        if name in found:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, int(port or 80))) for a in found[name]]
        if not all(c in "0123456789abcdefx.:[]%" for c in name) and name not in ("localhost", "ip6-localhost"):
            raise OSError("no such name here")  # no query leaves this computer
        return self._resolve(host, port, *_, **options)

    def connect(self, sock: socket.socket, place: Any) -> None:
        if sock.family == socket.AF_UNIX:
            return self._connect(sock, place)
        if place[0] == PUBLIC:
            return self._connect(sock, ("127.0.0.1", self.outside))
        self.forbidden += 1
        print("reached:", place, flush=True)
        if place[0] == "127.0.0.1":
            return self._connect(sock, ("127.0.0.1", self.inside))
        raise OSError("stopped by the guard")


def addresses(count: int, inside: int) -> list[str]:
    """`count` addresses: every notation straight, in a redirect, and crooked ones, in turn."""
    straight = [f"http://{h}:{inside}/" for h in PRIVATE] + [f"https://{h}:{inside}/" for h in PRIVATE[::4]]
    crooked = [c.replace("{h}", f"127.0.0.1:{inside}") for c in CROOKED]
    bodies = [f"http://public.example/{k}" for k in
              ("drip", "headers", "stopped", "silent", "endless", "chunks", "longer", "packed", "line")]
    led = [f"http://public.example/redirect?{a.encode('utf-8', 'replace').hex()}" for a in (*straight, *crooked)]
    twice = [f"http://public.example/redirect?{a.encode().hex()}" for a in led[:40]]
    every = [*crooked, *bodies, *straight, *led, *twice]
    return [every[n % len(every)] for n in range(count)] if count >= len(every) else every[:count]


def attack(count: int) -> dict[str, Any]:
    """Asks for each address as a page would and as a thumbnail; counts what reached a forbidden one."""
    late, crashes, answered, misread, Inside.hits = 0, [], 0, 0, 0
    with _serving(Inside) as inside, _serving(Outside) as outside:
        guard = Guard(outside, inside)
        with (mock.patch.object(socket.socket, "connect", lambda s, a: guard.connect(s, a)),
              mock.patch.object(socket, "getaddrinfo", guard.resolve)):
            chosen = addresses(count, inside)
            for url in chosen:
                begun = time.monotonic()
                try:
                    if url.endswith("s"):
                        fetch_thumbnail(url, offline=True)
                    fetch(url, policy=FetchPolicy(offline=False, timeout_s=LATE_S, types=TYPES))
                    answered += 1
                    misread += url.endswith(ENDLESS)
                except ExplorerError:
                    pass
                except Exception as error:
                    crashes.append(f"{url[:80]!r}: {type(error).__name__}: {error}"[:200])
                late += time.monotonic() - begun > LATE_S + 2
            offline = _offline(guard)
    for crash in crashes:
        print("crash:", crash, flush=True)
    return {"addresses": len(chosen), "forbidden_requests": guard.forbidden + Inside.hits, "answered": answered,
            "late": late, "network_crashes": len(crashes), "offline_requests": offline, "endless_answered": misread}


def _offline(guard: Guard) -> int:
    """How many connections are tried for public addresses while the workspace is offline."""
    before, tried = guard.forbidden, 0
    real = guard.connect

    def counting(sock: socket.socket, place: Any) -> None:
        nonlocal tried
        tried += 1
        return real(sock, place)
    guard.connect = counting
    for url in ("http://public.example/", "https://public.example/", f"http://{PUBLIC}/"):
        with contextlib.suppress(ExplorerError):
            fetch(url, policy=FetchPolicy(offline=True, private=True, timeout_s=LATE_S))
        fetch_thumbnail(url, offline=True)
    return tried + guard.forbidden - before
