"""The server's own settings, and a small run of the attacks that the benchmark makes at full size."""

from __future__ import annotations

import tomllib
from pathlib import Path
from unittest import mock

from explorer.collections import net
from tests.benchmarks import safety_network
from tests.benchmarks.safety_fuzz import KINDS, fuzz

ROOT = Path(__file__).resolve().parents[2]


def test_only_this_computer_and_no_details_in_the_browser():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    server = config["server"]
    assert server["address"] == config["browser"]["serverAddress"] == "127.0.0.1"
    assert sorted(server["allowedHosts"]) == ["127.0.0.1", "::1", "localhost"]
    assert server["enableXsrfProtection"] and server["enableCORS"]
    assert server["maxUploadSize"] <= 200 and server["disconnectedSessionTTL"] <= 30
    assert config["client"]["showErrorDetails"] == "none"
    assert config["browser"]["gatherUsageStats"] is False


def test_hostile_files_are_refused_and_nothing_falls_over(tmp_path):
    found = fuzz(2 * len(KINDS), tmp_path.resolve(), seed=7, seconds=600)
    assert found.inputs == 2 * len(KINDS) and found.refused > 0
    assert (found.crashes, found.over_memory, found.escaped, found.faults) == (0, 0, 0, [])


def test_hostile_addresses_reach_nothing():
    found = safety_network.attack(110)
    assert found["forbidden_requests"] == found["network_crashes"] == found["offline_requests"] == 0
    assert found["endless_answered"] == 0


def test_the_guard_would_see_a_request_to_a_forbidden_address():
    with mock.patch.object(net, "check_address", lambda *_, **__: None):
        assert safety_network.attack(60)["forbidden_requests"] > 0
