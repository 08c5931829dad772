"""Populations of prompts: read from the file that declares them, or made from the works' own words."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.errors import ExplorerError
from explorer.evidence.near_works import OneWork
from explorer.findings.prompt_lists import ListedPrompt, read_list
from explorer.records.incidence_settings import KINDS

MOST_BYTES = 64 << 20
REWORDED = ("a drawing of {}", "a picture of {}", "{}, illustration", "{}", "image: {}")  # in turn, over the titles


def read_population(data: bytes, *, name: str) -> tuple[ListedPrompt, ...]:
    """Every line of a population's file; a prompt that stands twice counts twice. ExplorerError if damaged."""
    if len(data) > MOST_BYTES:
        raise ExplorerError("incidence.population_too_large", name=name, most_mib=MOST_BYTES >> 20)
    return read_list(data, name=name).rows


def made_population(works: Sequence[OneWork], kind: str) -> bytes:
    """The file of a population of the works' captions, or of their titles reworded: one prompt a line.

    ExplorerError where the works have no words, or for a kind that is not made from works.
    """
    if kind == "captions":
        lines = [w.caption or w.title for w in works]
    elif kind == "rewordings":
        lines = [REWORDED[i % len(REWORDED)].format(w.title) for i, w in enumerate(works) if w.title]
    else:
        raise ExplorerError("incidence.population_needs_file", kind=kind, kinds=", ".join(KINDS))
    lines = [line for line in (" ".join(text.split()) for text in lines) if line]
    if not lines:
        raise ExplorerError("incidence.works_no_words")
    return ("\n".join(lines) + "\n").encode()
