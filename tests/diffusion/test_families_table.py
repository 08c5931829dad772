"""The README's table of families is the one that the code's own tables make, and says what is so."""

from __future__ import annotations

from pathlib import Path

import diffusers

from explorer.diffusion.classes import KINDS
from explorer.diffusion.families.make import KINDS as LOOPS
from explorer.diffusion.families_table import table
from explorer.diffusion.network_files import CLASSES
from explorer.records.families import FAMILIES


def test_the_readme_has_the_table_as_it_is():
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    assert table() in readme, "run python -m explorer.diffusion.families_table"


def test_what_it_says_is_what_the_code_does():
    told = {known.key for known in FAMILIES.values() if known.pipelines}
    assert {key for key, known in FAMILIES.items() if known.own_loop} == set(LOOPS)
    loaded = {kind.family for kind in KINDS.values()}
    assert {"sd1" if f == "sd" else f for f in loaded} | {"sd2", "schnell"} == told
    for kind in CLASSES.values():
        assert hasattr(diffusers, kind)
