"""Another site in a real browser: by a name that leads to this computer, from another port, and as a frame."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.app import FOREIGN
from tests.browser.conftest import visit

WIRE = """url => new Promise(done => {
  const wire = new WebSocket(url, ['streamlit']);
  wire.onopen = () => done('open'); wire.onerror = () => done('refused');
})"""
FETCH = "path => fetch(path).then(answer => answer.status)"
LOAD = "src => new Promise(done => { const i = new Image(); i.onload = () => done('seen');" \
       " i.onerror = () => done('refused'); i.src = src; })"


@pytest.fixture
def other_port() -> Iterator[str]:
    """A site of somebody else on this computer."""
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<h1>Another site</h1>")

        def log_message(self, *_: object) -> None:
            pass
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_name_that_leads_here_gets_nothing(filled, tab):
    app, case_id = filled
    port = app.url.rpartition(":")[2]
    answer = tab.goto(f"http://{FOREIGN}:{port}/replay?case={case_id}")
    assert answer.status == 403 and case_id not in tab.content()
    for path in ("/", "/_stcore/health", "/_stcore/host-config", "/media/a.png", "/static/index.html"):
        assert tab.evaluate(FETCH, path) == 403
    assert tab.evaluate(WIRE, f"ws://{FOREIGN}:{port}/_stcore/stream") == "refused"


def test_another_port_may_not_connect_nor_frame_nor_show(filled, tab, other_port):
    app, case_id = filled
    wire = app.url.replace("http", "ws", 1) + "/_stcore/stream"
    visit(tab, f"{app.url}/subject?case={case_id}")
    assert tab.evaluate(WIRE, wire) == "open"  # from the app's own page
    own = f"{app.url}/favicon.png"
    assert tab.evaluate(LOAD, own) == "seen"
    tab.goto(other_port)
    assert tab.evaluate(WIRE, wire) == "refused"
    assert tab.evaluate(LOAD, own) == "refused"
    tab.evaluate("src => { const f = document.createElement('iframe'); f.src = src; document.body.append(f); }",
                 f"{app.url}/subject?case={case_id}")
    tab.wait_for_timeout(1500)
    framed = [frame for frame in tab.frames if frame != tab.main_frame]
    assert [frame.url for frame in framed] == ["chrome-error://chromewebdata/"]
