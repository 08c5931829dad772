"""Another site cannot open the app, and the server asks nobody outside about it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from streamlit import net_util

from pages.server import serving
from tests.benchmarks import safety_foreign
from tests.benchmarks.safety_offline import GUARD
from tests.browser.app import ROOT, running


@pytest.fixture
def hosts(monkeypatch):
    """Sets what the server is called, and which other origins it takes."""
    def set_to(*names: str, origins: tuple[str, ...] = ()) -> None:
        options = {"server.allowedHosts": list(names), "server.corsAllowedOrigins": list(origins)}
        monkeypatch.setattr("streamlit.config.get_option", options.__getitem__)
    return set_to


def ours(*lines: str) -> bool:
    return serving.is_ours(Headers(raw=[tuple(p.encode("latin-1") for p in line.split(": ", 1)) for line in lines]))


def test_a_server_answers_to_its_own_names_and_pages(hosts):
    hosts("127.0.0.1", "localhost", "::1")
    for name in ("127.0.0.1", "localhost", "[::1]", "LocalHost"):
        assert ours(f"host: {name}:8501") and ours(f"host: {name}:8501", f"origin: http://{name}:8501")
        assert not ours(f"host: {name}:8501", f"origin: http://{name}:8502")
        assert not ours(f"host: {name}:8501", f"origin: http://{name}")
    assert not ours() and not ours("origin: http://127.0.0.1:8501")
    assert not ours("host: 127.0.0.1:8501", "origin: null")


def test_a_shared_server_is_told_its_name_and_its_proxys(hosts):
    hosts("pictures.example", origins=("https://front.example",))
    assert ours("host: pictures.example", "origin: https://pictures.example")
    assert ours("host: pictures.example", "origin: https://front.example")
    assert not ours("host: pictures.example", "origin: https://front.example.evil.example")
    assert not ours("host: 127.0.0.1:8501")


def test_every_variant_is_foreign_and_none_is_alike():
    made = list(safety_foreign.variants(400, 8501))
    assert len(set(made)) == 400 and sum(path.endswith("/stream") for path, _ in made) > 100


def test_a_real_server_serves_no_foreign_site_and_asks_nobody_about_it(tmp_path: Path, monkeypatch):
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    monkeypatch.setenv("GUARD_TO", str(tmp_path / "asked"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path / "guard"), str(ROOT))))
    found = safety_foreign.attack(230, tmp_path)
    assert found == {"foreign_hosts": 230, "foreign_hosts_served": 0, "own_pages_refused": 0}
    assert (tmp_path / "asked.pids").exists() and not (tmp_path / "asked").exists()


def test_a_proxys_page_makes_streamlit_ask_nobody_either(tmp_path: Path, monkeypatch):
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    monkeypatch.setenv("GUARD_TO", str(tmp_path / "asked"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path / "guard"), str(ROOT))))
    options = ("--server.corsAllowedOrigins", "https://front.example")
    with running(tmp_path / "home", options=options) as app:
        port = int(app.url.rpartition(":")[2])
        headers = (f"Host: 127.0.0.1:{port}", "Origin: https://front.example")
        assert safety_foreign.status(port, "/_stcore/stream", headers) == 101
    assert not (tmp_path / "asked").exists()


def test_streamlit_still_keeps_its_addresses_where_they_are_preset(monkeypatch):
    monkeypatch.setattr(net_util, "_external_ip", None)
    monkeypatch.setattr(net_util, "_internal_ip", None)
    monkeypatch.setattr("streamlit.runtime.runtime.MediaFileManager", None)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda *_, **__: pytest.fail("asked outside"))
    serving.layers()
    assert net_util.get_external_ip() == net_util.get_internal_ip() == "127.0.0.1"
