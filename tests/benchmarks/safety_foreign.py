"""Other sites' requests to a running server: names that lead to this computer, and pages that are not the app's.

What a browser would send of them is sent as it is, over plain sockets, so that no library mends it on the way.
"""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.browser.app import running

PATHS = (
    "/", "/replay", "/_stcore/health", "/_stcore/host-config", "/_stcore/script-health-check", "/media/a.png",
    "/static/index.html", "/component/a/index.html", "/_stcore/upload_file/a/b", "/oauth2callback",
    "/_stcore/stream")
REBOUND = (
    "foreign.example", "foreign.example:{p}", "FOREIGN.EXAMPLE:{p}", "127.0.0.1.foreign.example:{p}",
    "localhost.foreign.example:{p}", "127.0.0.1.nip.io:{p}", "localtest.me:{p}", "lvh.me:{p}",
    "a.localhost:{p}", "localhost.localdomain:{p}", "127.0.0.2:{p}", "127.1:{p}", "0:{p}", "0.0.0.0:{p}",
    "2130706433:{p}", "0x7f000001:{p}", "0177.0.0.1:{p}", "[::ffff:127.0.0.1]:{p}", "[::]:{p}", "[fe80::1]:{p}",
    "10.0.0.5:{p}", "192.168.1.7:{p}", "127.0.0.1@foreign.example:{p}", "foreign.example@127.0.0.1:{p}",
    "foreign.example#127.0.0.1", "foreign.example/127.0.0.1", "foreign.example?127.0.0.1",
    "foreign.example\\127.0.0.1", "127.0.0.1:{p}.foreign.example", "127.0.0.1:{p}, foreign.example",
    "foreign.example, 127.0.0.1:{p}", "127.0.0.1 foreign.example", "127.0.0.1%00.foreign.example",
    "127.0.0.1\tforeign.example", "localhost%2eforeign.example", "localhost_:{p}", "xlocalhost:{p}",
    "localhostx:{p}", "-127.0.0.1:{p}", "127.0.0.1:{p}{p}", "127.0.0.1:x", "127.0.0.1:-1", "[::1:{p}", "::1",
    "*", "", ".", "..", "\xe9xample.org:{p}", "xn--mgbh0fb.example:{p}", "foreign.example.:{p}",
    "fritz.box:{p}", "printer.local:{p}", "this-computer:{p}")
PAGES = (
    "http://foreign.example", "https://foreign.example", "http://foreign.example:{p}", "null", "", "file://",
    "http://127.0.0.1", "http://127.0.0.1:{o}", "http://localhost:{o}", "http://[::1]:{o}",
    "https://127.0.0.1:{o}", "http://localhost:{p}", "http://127.0.0.2:{p}", "http://0.0.0.0:{p}",
    "http://127.0.0.1:{p}.foreign.example", "http://127.0.0.1:{p}@foreign.example",
    "http://foreign.example@127.0.0.1:{p}", "http://127.0.0.1:{p}:{p}", "http://foreign.example#127.0.0.1:{p}",
    "http://foreign.example?127.0.0.1:{p}", "http://[::1", "127.0.0.1:{p}", "//127.0.0.1:{p}",
    "ftp://127.0.0.1:{p}", "chrome-extension://abcdefgh", "moz-extension://127.0.0.1:{p}",
    "javascript://127.0.0.1:{p}", "data:text/html,x", "http://127.0.0.1:{p}, http://foreign.example",
    "http://foreign.example http://127.0.0.1:{p}", "http://127.0.0.1.nip.io:{p}", "http://a.localhost:{p}",
    "http://\xe9xample.org:{p}", "http://2130706433:{p}", "http://0x7f000001:{p}", "http://127.1:{p}")
FORGED = (
    (), ("X-Forwarded-Host: 127.0.0.1:{p}",), ("Forwarded: host=127.0.0.1:{p}",),
    ("X-Forwarded-For: 127.0.0.1",), ("X-Original-Host: localhost",), ("Referer: http://127.0.0.1:{p}/",))
REFUSED = (400, 403)  # the second is the app's own; what is no request at all the server answers with the first


def variants(count: int, port: int, *, seed: int = 1) -> Iterator[tuple[str, tuple[str, ...]]]:
    """`count` pairs of a path and header lines, no two alike: every foreign name and page, then mixed ones."""
    own, other = f"Host: 127.0.0.1:{port}", port + 1 if port < 65_535 else port - 1
    names = [(f"Host: {name}",) for name in REBOUND] + [
        (own, "Host: foreign.example"), ("Host: foreign.example", own), ()]
    pages = [(own, f"Origin: {page}") for page in PAGES] + [
        (own, f"Origin: http://127.0.0.1:{port}", "Origin: http://foreign.example")]
    both = [("Host: foreign.example:{p}", "Origin: http://foreign.example:{p}"),
            ("Host: 127.0.0.2:{p}", "Origin: http://127.0.0.2:{p}")]
    dice, every, seen = random.Random(seed), [*names, *pages, *both], set()
    number = 0
    while len(seen) < count:
        lines = every[number % len(every)]
        if number >= len(every) and dice.random() < 0.5:
            lines = (f"Host: {_name(dice)}:{port}", f"Origin: http://{_name(dice)}:{port}")
        path = PATHS[-1] if number < len(every) else dice.choice(PATHS)
        forged = dice.choice(FORGED) if number >= len(every) else ()
        number += 1
        said = tuple(line.replace("{p}", str(port)).replace("{o}", str(other)) for line in (*lines, *forged))
        one = (path, said)
        if one not in seen:
            seen.add(one)
            yield one


def _name(dice: random.Random) -> str:
    """A host name made up, now and then with this computer's own in it."""
    words = ("127.0.0.1", "localhost", "www", "".join(dice.choices("abcxyz019-", k=6)))
    parts = [dice.choice(words) for _ in range(3)]
    return ".".join([*parts[:dice.randrange(1, 4)], dice.choice(("example", "test", "nip.io", "local"))])


def status(port: int, path: str, headers: tuple[str, ...]) -> int:
    """The status that the server answers with, 0 for none. `/_stcore/stream` is asked for as a websocket."""
    lines = [f"GET {path} HTTP/1.1", *headers]
    if path.endswith("/stream"):
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: streamlit"]
    else:
        lines.append("Connection: close")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as wire, contextlib.suppress(OSError):
        wire.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        answer = wire.recv(64).split(b" ")
        return int(answer[1]) if len(answer) > 1 and answer[1].isdigit() else 0
    return 0


def attack(count: int, folder: Path) -> dict[str, Any]:
    """Sends `count` foreign requests to a server of its own; counts those that it served."""
    with running(folder / "home") as app:
        port = int(app.url.rpartition(":")[2])
        served = [one for one in variants(count, port) if status(port, *one) not in REFUSED]
        own = [status(port, path, (f"Host: {name}:{port}", f"Origin: http://{name}:{port}"))
               for name in ("127.0.0.1", "localhost", "[::1]") for path in ("/", "/replay", "/_stcore/stream")]
    for path, headers in served[:20]:
        print("served:", path, headers, flush=True)
    return {"foreign_hosts": count, "foreign_hosts_served": len(served),
            "own_pages_refused": sum(got not in (200, 101) for got in own)}
