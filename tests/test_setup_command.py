"""`setup` without a screen: what is missing is said, and `--yes` goes from nothing to findings, and goes on."""

from __future__ import annotations

import json

import pytest

from explorer.cli import main
from explorer.settings import load_settings
from tests.browser.app import stop_workers
from tests.browser.rehearsal import own_pictures, small
from tests.shelf import Shelf


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "home"
    stop_workers(tmp_path / "home")


def told(capsys, *words) -> tuple[dict, str]:
    """The last line of a command that went well, and what it said."""
    assert main([*map(str, words)]) == 0
    out = capsys.readouterr()
    return json.loads(out.out.splitlines()[-1]), out.err


def test_without_yes_it_says_what_is_missing_and_does_nothing(home, tmp_path, capsys):
    works, controls = own_pictures(tmp_path)
    found, said = told(capsys, "--home", home, "setup")
    assert len(found["missing"]) == 3 and said.count("Missing: ") == 3 and "CLIP ViT-L/14" in said
    found, said = told(capsys, "--home", home, "setup", *works, "--controls", controls, "--seeds", 4)
    assert found["plan"]["controls"] == 40 and found["plan"]["works"] == 2 and found["plan"]["policy"]["seeds"] == 4
    assert found["plan"]["smallest_p"] == pytest.approx(1 / 41) and "same kind as 2 of 2" in said
    assert [m for m in found["missing"] if "not on this computer" in m] and "To be fetched" in said
    assert load_settings(home).model == "world" and not list((home / "cases").iterdir())
    assert main(["--home", str(home), "setup", str(tmp_path / "none.png")]) == 1


def test_yes_without_pictures_or_controls_is_refused_before_anything_is_fetched(home, capsys):
    assert main(["--home", str(home), "setup", "--yes"]) == 1
    assert "cannot begin yet" in capsys.readouterr().err and load_settings(home).offline


def test_yes_fetches_times_and_tests_and_goes_on(home, tmp_path, capsys, monkeypatch):
    works, controls = own_pictures(tmp_path)
    shelf = Shelf(small(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", shelf.url)
    asked = ("--home", home, "setup", "--controls", controls, "--seeds", 4, "--yes", "--json")
    found, said = told(capsys, *asked, works[0])
    shelf.close()
    assert "40 control pictures" in found["calibration"] and len(found["findings"]) == len(found["known"]) == 1
    assert found["known"][0]["kind"].startswith("familiarity_")
    assert "One picture takes" in said and load_settings(home).offline
    again, _ = told(capsys, *asked, works[0])
    assert again == found  # the same case, and nothing was tested twice
    more, _ = told(capsys, *asked, *works)
    assert more["case"] != found["case"] and len(more["findings"]) == len(more["known"]) == 2
