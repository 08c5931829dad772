"""The server reads the first page's modules by itself once it answers, and nothing heavy with them."""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.bench_start import HEAVY

_SERVE = """
import sys, threading
from starlette.applications import Starlette
from starlette.testclient import TestClient
from pages.server.early import MODULES, EarlyImports
with TestClient(EarlyImports(Starlette())) as client:
    assert client.get("/").status_code == 404
    for thread in threading.enumerate():
        if thread.name == "early imports":
            thread.join(60)
assert set(MODULES) <= set(sys.modules)
print(*(name for name in sys.argv[1:] if name in sys.modules))
"""


def test_the_first_page_is_read_before_it_is_asked_for():
    found = subprocess.run([sys.executable, "-c", _SERVE, *HEAVY, "scipy.ndimage"], capture_output=True, text=True,
                           check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == []
