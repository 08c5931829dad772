"""The app as Streamlit's own test harness runs it, on a workspace of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.filled import fill

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, taken by the screens; workers are never started here."""
    home = tmp_path / "home"
    monkeypatch.setenv("AFTERIMAGE_HOME", str(home))
    monkeypatch.setattr("explorer.jobs.launch.ensure_workers", lambda *a, **k: [])
    return home


@pytest.fixture
def case(home: Path) -> tuple[str, str]:
    """Ids of a filled case and of its subject."""
    made, subject_id = fill(home)
    made.close()
    return made.id, subject_id


@pytest.fixture
def opened(home: Path) -> Callable[..., AppTest]:
    """Runs the app on a page ("start", "replay", ...), with a case and subject in the address if given."""

    def run(name: str, case: tuple[str, str] | None = None) -> AppTest:
        from pages.shared.frame import script
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        if case:
            app.query_params["case"], app.query_params["subject"] = case
        app.run()
        if name != "start":
            app.switch_page(script(name)).run()
        return app

    return run
