"""A hub of many repositories on this machine, from folders: streams large files, cuts answers short on demand."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import threading
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "c" * 40


class Shelf:
    """Serves repository → folder, as the hub does; `asked` has every file that was asked for, with its range."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self.folders, self.asked, self.breaks = dict(folders), [], []
        shelf = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                shelf.answer(self)

            def log_message(self, *args):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request) -> None:
        path = urllib.parse.unquote(request.path.partition("?")[0])
        for name, folder in self.folders.items():
            if path == f"/api/models/{name}/revision/main":
                return _send(request, json.dumps(facts(folder)).encode())
            if path.startswith(f"/{name}/resolve/{COMMIT}/"):
                file = folder / path.removeprefix(f"/{name}/resolve/{COMMIT}/")
                if file.is_file():
                    return self._file(request, file, file.relative_to(folder).as_posix())
        request.send_response(404)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return None

    def _file(self, request, file: Path, name: str) -> None:
        told = request.headers.get("Range")
        first, size = int(told[6:-1]) if told else 0, file.stat().st_size
        self.asked.append((name, told))
        request.send_response(206 if told else 200)
        request.send_header("Content-Length", str(size - first))
        request.end_headers()
        with file.open("rb") as data:
            data.seek(first)
            if self.breaks and size > 5000:
                request.wfile.write(data.read(self.breaks.pop(0)))
            else:
                shutil.copyfileobj(data, request.wfile, 1 << 20)


def _send(request, data: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    request.wfile.write(data)


@functools.cache
def facts(folder: Path) -> dict:
    """What the hub tells of a repository: its commit, and every file with size and hash."""
    def sibling(file: Path) -> dict:
        size, name = file.stat().st_size, file.relative_to(folder).as_posix()
        if name.endswith(".safetensors"):
            with file.open("rb") as data:
                large = hashlib.file_digest(data, "sha256").hexdigest()
            return {"rfilename": name, "size": size, "blobId": "", "lfs": {"sha256": large, "size": size}}
        blob = hashlib.sha1(b"blob %d\0" % size + file.read_bytes()).hexdigest()
        return {"rfilename": name, "size": size, "blobId": blob}
    return {"sha": COMMIT, "cardData": {"license": "openrail"},
            "siblings": [sibling(f) for f in sorted(folder.rglob("*")) if f.is_file()]}
