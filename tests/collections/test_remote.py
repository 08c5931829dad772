"""The network client and the remote collection against servers that are slow, lying or private."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from explorer.collections import net
from explorer.collections.net import FetchPolicy, Refused, Unreachable, check_address, fetch
from explorer.collections.open import open_collection
from explorer.collections.remote import Filters, RemoteCollection
from explorer.collections.thumbnails import fetch_thumbnail
from explorer.errors import ExplorerError

NEAR = FetchPolicy(private=True)


@contextlib.contextmanager
def server(answers):
    """A local server: path -> function(request body) -> (status, headers, body) or bytes."""
    seen: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            seen.append((self.path, body))
            status, headers, out = answers[self.path](body)
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for block in out if isinstance(out, list) else [out]:
                    if isinstance(block, float):
                        time.sleep(block)
                    else:
                        self.wfile.write(block)

        do_POST = do_GET

        def log_message(self, *args):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_port}", seen
    finally:
        made.shutdown()
        made.server_close()


def as_json(value):
    return lambda body: (200, {"Content-Type": "application/json"}, json.dumps(value).encode())


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "fd00::1", "0.0.0.0",
    "::ffff:127.0.0.1", "100.64.0.1", "224.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:10.0.0.1",
    "fec0::1", "64:ff9b:1::1", "fe80::5efe:7f00:1"])
def test_private_addresses_are_refused(address):
    with pytest.raises(Refused):
        check_address(address, policy=FetchPolicy(offline=False), host="example.org")


def test_public_addresses_pass_only_online():
    check_address("93.184.216.34", policy=FetchPolicy(offline=False), host="example.org")
    with pytest.raises(Refused, match="offline"):
        check_address("93.184.216.34", policy=FetchPolicy(offline=True, private=True), host="example.org")
    for near in ("127.0.0.1", "::1"):
        check_address(near, policy=FetchPolicy(offline=True, private=True), host="localhost")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/x", "http://", "http://a b/",
                                 "http://user:word@example.org/", "http://example.org:99999/", "gopher://x",
                                 "http://[", "http://ex\u2100mple.org/"])
def test_other_schemes_and_crooked_addresses_are_refused(url):
    with pytest.raises(Refused):
        fetch(url, policy=FetchPolicy(offline=False, private=True))


def test_a_name_that_points_inside_is_refused_before_connecting():
    with server({"/": lambda body: (200, {}, b"secret")}) as (base, seen):
        with pytest.raises(Refused, match="private address"):
            fetch(base.replace("127.0.0.1", "localhost") + "/", policy=FetchPolicy(offline=False))
        assert seen == []


def test_each_redirect_is_checked_again(monkeypatch):
    """The first hop's address counts as public here; the second one is the machine's own."""
    real = net.check_address
    with server({"/secret": lambda body: (200, {}, b"secret")}) as (inside, seen), \
            server({"/": lambda body: (302, {"Location": inside + "/secret"}, b"")}) as (outside, _):
        port = int(outside.rsplit(":", 1)[1])
        hops = []

        def first_is_public(address, *, policy, host):
            hops.append(address)
            if len(hops) > 1:
                real(address, policy=policy, host=host)

        monkeypatch.setattr(net, "check_address", first_is_public)
        with pytest.raises(Refused, match="private address"):
            fetch(f"http://127.0.0.1:{port}/", policy=FetchPolicy(offline=False))
        assert len(hops) == 2 and seen == []


def test_size_type_time_and_redirect_limits():
    drip = [b"x", 0.2] * 50
    answers = {
        "/big": lambda body: (200, {"Content-Type": "image/png"}, b"x" * 5000),
        "/lying": lambda body: (200, {"Content-Type": "image/png", "Content-Length": "9"}, b"x" * 4),
        "/html": lambda body: (200, {"Content-Type": "text/html"}, b"<script>"),
        "/gzip": lambda body: (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"),
        "/drip": lambda body: (200, {}, drip),
        "/loop": lambda body: (302, {"Location": "/loop"}, b""),
        "/crooked": lambda body: (302, {"Location": "http://[::1"}, b""),
        "/file": lambda body: (302, {"Location": "file:///etc/passwd"}, b""),
    }
    with server(answers) as (base, _):
        for path, policy, match in (
                ("/big", FetchPolicy(private=True, max_bytes=1000), "more than"),
                ("/html", FetchPolicy(private=True, types=("image/png",)), "text/html"),
                ("/gzip", NEAR, "packed"), ("/loop", NEAR, "redirects more than"),
                ("/file", NEAR, "not an http")):
            with pytest.raises(Refused, match=match):
                fetch(base + path, policy=policy)
        with pytest.raises(Unreachable):
            fetch(base + "/lying", policy=NEAR)
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="took longer"):
            fetch(base + "/drip", policy=FetchPolicy(private=True, timeout_s=0.6))
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize("sent", ["endless", b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\nX: y\r\n",
                                  b"HTTP/1.1 200 OK\r\nX: y",
                                  b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, b"HTTP/1.1 100 Continue\r\n\r\n",
                                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"], ids=str)
def test_what_stops_within_its_headers_is_no_empty_answer(sent):
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        wire, _ = listening.accept()
        with wire, contextlib.suppress(OSError):
            wire.recv(4096)
            if sent != "endless":
                wire.sendall(sent)
                return
            wire.sendall(b"HTTP/1.1 200 OK\r\n")
            for number in range(200):
                wire.sendall(b"X-%d: y\r\n" % number)
                time.sleep(0.05)
    threading.Thread(target=serve, daemon=True).start()
    begun = time.monotonic()
    with listening, pytest.raises(Unreachable):
        fetch(f"http://127.0.0.1:{listening.getsockname()[1]}/", policy=FetchPolicy(private=True, timeout_s=0.6))
    assert time.monotonic() - begun < 3


def test_nobody_there():
    with pytest.raises(Unreachable, match="Check the address"):
        open_collection("http://127.0.0.1:9")


HITS = [{"id": 4, "similarity": 0.9, "caption": "<img src=x onerror=alert(1)>", "url": "javascript:alert(1)"},
        {"id": 9, "similarity": 0.5, "caption": "two\u202e\nlines", "url": "https://example.org/9.png",
         "image_path": "/etc/hostname.png"}]


def test_all_filters_are_off_unless_turned_on_and_what_they_hide_is_counted():
    def knn(body):
        asked = json.loads(body)
        return as_json(HITS[1:] if asked["deduplicate"] else HITS)(body)

    with server({"/indices-list": as_json(["laion", "other"]), "/knn-service": knn}) as (base, seen):
        remote = open_collection(base)
        assert isinstance(remote, RemoteCollection) and remote.name == "laion"
        assert any("other" in note for note in remote.info.notes)
        found = remote.search(np.array([3.0, 4.0]), 5)
        asked = json.loads(seen[-1][1])
        assert asked["embedding_input"] == pytest.approx([0.6, 0.8]) and asked["num_result_ids"] == 5
        assert [asked[k] for k in ("deduplicate", "use_safety_model", "use_violence_detector")] == [False] * 3
        assert "aesthetic_score" not in asked
        assert [n.work_id for n in found] == ["4", "9"]
        assert found[0].source == "" and "<img" in found[0].caption  # plain text for the screen to escape
        assert found[1].caption == "two lines" and found[1].image_path == ""
        filtered = remote.ask({"text": "cat"}, 5, filters=Filters(deduplicate=True))
        assert (len(filtered.neighbours), filtered.removed, filtered.filters.active) == (
            1, 1, ("duplicates hidden",))


def test_a_backend_with_another_clip_is_warned_about():
    def knn(body):
        by_vector = [{**HITS[0], "similarity": 0.1}, HITS[1]]
        return as_json(HITS if "text" in json.loads(body) else by_vector)(body)

    with server({"/indices-list": as_json(["a"]), "/knn-service": knn}) as (base, _):
        assert "not the one chosen here" in open_collection(base).clip_warning("cat", np.ones(4))
    with server({"/indices-list": as_json(["a"]), "/knn-service": as_json(HITS)}) as (base, _):
        assert open_collection(base).clip_warning("cat", np.ones(4)) == ""


@pytest.mark.parametrize("answer", [
    {"error": 1}, [1, 2], [{"id": "x", "similarity": 1}], [{"id": 1}], [{"id": 1, "similarity": 7}],
    [{"id": 1, "similarity": None}], [{"id": 1, "similarity": 10**400}], [{"id": 1, "similarity": -10**400}],
    [{"id": 1, "similarity": True}], [{"id": True, "similarity": 0.5}], [{"id": 10**400, "similarity": 0.5}],
    [{"id": -1, "similarity": 0.5}], [{"id": 1, "similarity": float("nan")}], "html"], ids=lambda a: str(a)[:40])
def test_a_lying_backend_is_not_believed(answer):
    body = (lambda b: (200, {}, b"<html>")) if answer == "html" else as_json(answer)
    with server({"/indices-list": as_json(["a"]), "/knn-service": body}) as (base, _), \
            pytest.raises(ExplorerError, match="cannot be used"):
        open_collection(base).search(np.ones(4), 3)


def test_a_huge_or_slow_answer_is_given_up(monkeypatch):
    from explorer.collections import remote

    monkeypatch.setattr(remote, "MAX_ANSWER", 2_000)
    monkeypatch.setattr(remote, "TIMEOUT_S", 1.0)
    answers = {"/indices-list": as_json(["a"]), "/knn-service": as_json(HITS * 100)}
    with server(answers) as (base, _), pytest.raises(ExplorerError, match="more than"):
        open_collection(base).search(np.ones(4), 3)
    answers["/knn-service"] = lambda body: (200, {}, [b"[", 0.3] * 20)
    with server(answers) as (base, _), pytest.raises(ExplorerError, match="took longer"):
        open_collection(base).search(np.ones(4), 3)


def test_a_failing_backend_is_named():
    with server({"/indices-list": as_json(["a"]), "/knn-service": lambda b: (500, {}, b"")}) as (base, _), \
            pytest.raises(ExplorerError, match="another CLIP"):
        open_collection(base).search(np.ones(4), 3)
    with server({"/indices-list": as_json({"a": 1})}) as (base, _), \
            pytest.raises(ExplorerError, match="not a clip-retrieval backend"):
        open_collection(base)


def test_thumbnails_are_public_only_and_dead_links_are_marked():
    assert fetch_thumbnail("http://127.0.0.1/x.png", offline=False).state == "refused"
    assert fetch_thumbnail("https://example.org/x.png").state in ("refused", "dead")  # offline
    assert fetch_thumbnail("http://no-such-name.invalid/x.png", offline=False).state == "dead"


def test_a_thumbnail_is_decoded_behind_the_door(monkeypatch):
    from explorer.images.decode import png_bytes

    picture = np.full((400, 300, 3), 90, np.uint8)
    monkeypatch.setattr(net, "check_address", lambda address, **_: None)  # the test's server is private
    answers = {"/ok": lambda b: (200, {"Content-Type": "image/png"}, png_bytes(picture)),
               "/bad": lambda b: (200, {"Content-Type": "image/png"}, b"<svg/>"),
               "/gone": lambda b: (404, {}, b"")}
    with server(answers) as (base, _):
        states = {p: fetch_thumbnail(base + p, offline=False) for p in answers}
    assert {p: t.state for p, t in states.items()} == {"/ok": "ok", "/bad": "refused", "/gone": "dead"}
    assert states["/ok"].png[:8] == b"\x89PNG\r\n\x1a\n"


def test_serving_says_what_is_wrong_before_anything_starts(tmp_path):
    from explorer.collections.serve import start

    from .conftest import unit_rows, write_folder

    folder = str(write_folder(tmp_path / "index", unit_rows(5)))
    with server({}) as (base, _), pytest.raises(ExplorerError, match="cannot be used"):
        start({"a": folder}, clip="hf_clip:x", port=int(base.rsplit(":", 1)[1]))
    (tmp_path / "clip").mkdir()
    with pytest.raises(ExplorerError, match=r"no open_clip_config\.json"):
        start({"a": folder}, clip=str(tmp_path / "clip"))
