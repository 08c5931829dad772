"""Offline is offline: no load asks for another computer, and every library is told."""

from __future__ import annotations

import os
import subprocess
import sys
from unittest import mock

import pytest

from explorer.foreign.offline import OFFLINE, obey
from tests.benchmarks.safety_lookups import ROOT, attack


@pytest.mark.parametrize("way", ["told", "untold"])
def test_no_load_asks_for_another_computer(tmp_path, way):
    found = attack(tmp_path, every=5, ways=(way,))
    assert (found["outside_lookups"], found["lookup_crashes"]) == (0, 0)
    assert found["lookup_loads"] > 50 and found["lookup_loaded"] > 9


def test_the_resolver_would_see_a_look_up():
    asks = ("from tests.benchmarks import safety_lookups as s; import pathlib, tempfile, socket\n"
            "s.loads = lambda root, every: [('x', lambda: socket.getaddrinfo('huggingface.co', 443))]\n"
            "print(len(s.watch(pathlib.Path(tempfile.mkdtemp()), told=True, every=1)['asked']))")
    done = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "1"


def test_the_switch_is_written_and_taken_back_but_not_what_the_person_set():
    with mock.patch.dict(os.environ, {"TRANSFORMERS_OFFLINE": "1"}):
        os.environ.pop("HF_HUB_OFFLINE", None)
        os.environ.pop("HF_DATASETS_OFFLINE", None)
        obey(True)
        assert all(os.environ[k] == "1" for k in OFFLINE) and os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
        obey(False)
        assert "HF_HUB_OFFLINE" not in os.environ and os.environ["TRANSFORMERS_OFFLINE"] == "1"


def test_a_process_whose_libraries_read_it_the_other_way_is_told_to_end():
    code = ("from explorer.foreign.offline import obey\n"
            "print(obey(True), obey(True), obey(False))\nimport huggingface_hub\nprint(obey(False), obey(True))")
    environment = {k: v for k, v in os.environ.items() if k not in OFFLINE}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
                          env=environment)
    assert done.stdout.split() == ["True", "True", "True", "True", "False"]
