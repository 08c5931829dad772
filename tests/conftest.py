"""What the tests of several rooms share."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # beside a browser and workers, waiting threads must not spin

from pathlib import Path

import pytest

from explorer.settings import WORLD, Settings, load_settings


@pytest.fixture(scope="session")
def world() -> Path:
    """The bundled world's folder; it ships with the project, so its absence is a failure."""
    assert (WORLD / "manifest.parquet").exists(), "assets/world is missing: run `python -m explorer world build`"
    return WORLD


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a new, empty workspace."""
    return load_settings(tmp_path / "home")
