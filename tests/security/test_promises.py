"""What SECURITY.md promises names the tests that hold it, and they are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text("utf-8")
PROMISES = re.findall(r"^- \*\*(.+?)\*\*(.+?)(?=^- \*\*|^## |\Z)",
                      TEXT.split("## Considered")[1].split("## Measured")[0],
                      re.DOTALL | re.MULTILINE)


def test_there_are_promises():
    assert len(PROMISES) >= 13


@pytest.mark.parametrize("name, said", PROMISES, ids=[name for name, _ in PROMISES])
def test_a_promise_names_its_tests(name, said):
    tests = re.findall(r"`(tests/[\w/]+\.py)`", said)
    assert tests and [t for t in tests if "def test_" not in (ROOT / t).read_text("utf-8")] == []


def test_files_that_are_named_are_there():
    named = re.findall(r"`((?:tests|explorer|pages|\.ci)/[\w./-]+|[\w.-]+\.(?:py|txt|lock))`", TEXT)
    benches = [n for n in named if n.startswith("bench_")]
    assert [n for n in benches if not (ROOT / "tests" / "benchmarks" / n).is_file()] == []
    assert [n for n in named if "/" in n and not (ROOT / n).exists()] == []
