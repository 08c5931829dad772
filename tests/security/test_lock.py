"""The hash lock and the plain pins say the same, and every locked package has hashes."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _pins(*files: str) -> dict[str, str]:
    lines = [line for f in files for line in (ROOT / f).read_text("utf-8").splitlines()]
    found = [re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", line) for line in lines]
    return {_name(m[1]): m[2] for m in found if m}


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    return _pins(".ci/requirements-linux-x86_64.lock")


def test_the_lock_holds_every_pin(lock):
    pins = _pins("requirements.txt", "tests/requirements.txt")
    assert len(pins) > 30 and {n: lock.get(n) for n in pins} == pins


def test_every_locked_package_has_hashes(lock):
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / ".ci/requirements-linux-x86_64.lock").read_text("utf-8"))
    bare = [b.splitlines()[0] for b in blocks if "==" in b.splitlines()[0] and "--hash=sha256:" not in b]
    assert len(lock) > 150 and bare == []


def test_nothing_is_pinned_loosely():
    lines = [line for f in ("requirements.txt", "tests/requirements.txt")
             for line in (ROOT / f).read_text("utf-8").splitlines()]
    assert [line for line in lines if line and not line.startswith("#") and "==" not in line] == []


def test_what_runs_here_is_what_is_pinned():
    pins = _pins("requirements.txt")
    assert {n: metadata.version(n).partition("+")[0] for n in pins} == pins
