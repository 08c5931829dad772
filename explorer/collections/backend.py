"""clip-retrieval's own command line, made safe to run here; always a program of its own.

Run as `python -m explorer.collections.backend OPTIONS.json back|index|inference --argument=value ...`.
What changes: its server listens on one address (its own default is every one), it fetches no pictures
for strangers (its own would fetch any URL), and a CLIP whose config it does not know is made known.
"""

from __future__ import annotations

import importlib
import json
import runpy
import sys
from pathlib import Path
from typing import Any


def main(options: dict[str, Any], arguments: list[str]) -> None:
    """Runs clip-retrieval with `arguments`. `options`: "host", and "clip_config" (a file or "")."""
    flask = importlib.import_module("flask")
    serve = flask.Flask.run

    def run(self, host=None, port=None, debug=None, **rest):
        return serve(self, host=options.get("host", "127.0.0.1"), port=port, debug=False, **rest)

    flask.Flask.run = run
    if options.get("clip_config"):
        importlib.import_module("open_clip").add_model_config(Path(options["clip_config"]))
    back = importlib.import_module("clip_retrieval.clip_back")
    back.download_image = _refuse
    sys.argv = ["clip-retrieval", *arguments]
    runpy.run_module("clip_retrieval.cli", run_name="__main__")


def _refuse(url: str) -> None:
    raise ValueError("this backend fetches no pictures; send the picture itself")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2:])
