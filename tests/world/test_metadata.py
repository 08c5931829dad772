"""Cleaning of the package's metadata."""

from __future__ import annotations

import pytest

from explorer.errors import ExplorerError
from explorer.world_build import svg_metadata


@pytest.mark.parametrize(("raw", "clean"), [
    ("L&Atilde;&copy;zard", "Lézard"),
    ("Croissant (B &amp; W)", "Croissant (B & W)"),
    ("Telefono (email: someone@example.it)", "Telefono"),
    ("Clipart by Nicu Buculei - piggybank", "piggybank"),
    ("Flat_Cake_bw", "Flat Cake bw"),
])
def test_titles(raw, clean):
    assert svg_metadata.clean(raw) == clean


@pytest.mark.parametrize(("raw", "clean"), [
    ("zazou (someone@example.es)", "zazou"),
    ("someone@example.ch", "someone"),
    ("snuATexampleDOTorg", "snu"),
    ("Josué Alcalde González (based on A.J. Ashton work)", "Josué Alcalde González"),
    ("U.S. Army (public domain clipart)", "U.S. Army"),
])
def test_creators(raw, clean):
    assert svg_metadata.clean_creator(raw) == clean


def test_a_file_names_a_work_whose_title_names_a_theme():
    assert svg_metadata.file_title("plants/fall_leaf_geral_02.svg", "Gerald G.") == "fall leaf"


def test_addresses_are_left_out_of_what_is_shown():
    raw = svg_metadata.Metadata("a.svg", "King", "HASH(0x8a0cf9c)", ("hash(0x8a0cf54)", "civil"), "")
    shown = svg_metadata.presentable(raw)
    assert (shown.creator, shown.keywords) == ("unknown", ("civil",))


def test_a_missing_package_is_named(tmp_path):
    with pytest.raises(ExplorerError, match="openclipart-svg openclipart-png"):
        svg_metadata.read_package(tmp_path)


def test_entities_are_not_expanded(tmp_path):
    bomb = tmp_path / "x.svg"
    bomb.write_text('<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>')
    assert svg_metadata.read_metadata(bomb, "x.svg") is None
