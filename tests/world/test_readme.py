"""The README quotes the card as it is."""

from __future__ import annotations

import json
from pathlib import Path

from explorer.world_build import card


def test_the_readme_shows_the_card(world):
    readme = (Path(__file__).resolve().parents[2] / "assets" / "world" / "README.md").read_text("utf-8")
    assert card.table(json.loads((world / "card.json").read_text("utf-8"))) in readme
