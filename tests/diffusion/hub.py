"""A hub of our own on this machine: one repository behind the hub's two addresses."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.diffusion import tiny

COMMIT = "c" * 40


def repository(root: Path) -> dict[str, bytes]:
    """Name to bytes of a tiny model's files, and of files beside them that nobody needs."""
    tiny.pipeline("sd1-tiny", root / "parts").save_pretrained(root / "model")
    found = {p.relative_to(root / "model").as_posix(): p.read_bytes()
             for p in (root / "model").rglob("*") if p.is_file()}
    return found | {"README.md": b"x", "v1.ckpt": b"pickle", "unet/diffusion_pytorch_model.bin": b"pickle"}


class Hub:
    """Serves one repository; `breaks` cuts the first answers short after so many bytes."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.asked, self.breaks, self.spoil = files, [], [], set()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                hub.answer(self)

            def log_message(self, *args):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def facts(self):
        def sibling(name, data):
            large = {"lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}}
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            return {"rfilename": name, "size": len(data), "blobId": blob} | (
                large if name.endswith(".safetensors") else {})
        return {"sha": COMMIT, "cardData": {"license": "openrail"},
                "siblings": [sibling(n, d) for n, d in self.files.items()]}

    def answer(self, request):
        path, start = request.path.partition("?")[0], request.headers.get("Range")
        if path == "/api/models/me/boat/revision/main":
            return self.send(request, 200, json.dumps(self.facts()).encode())
        name = path.removeprefix(f"/me/boat/resolve/{COMMIT}/")
        if name not in self.files:
            return self.send(request, 404, b"")
        data = self.files[name] if name not in self.spoil else b"\0" * len(self.files[name])
        self.asked.append((name, start))
        first = int(start[6:-1]) if start else 0
        return self.send(request, 206 if start else 200, data[first:])

    def send(self, request, status, data):
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        cut = self.breaks.pop(0) if self.breaks and len(data) > 5000 else len(data)
        request.wfile.write(data[:cut])
