"""A1111's settings line in every dialect, written and read again: no wrong value without a word on it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.images.settings.a1111 import from_text
from explorer.images.settings.a1111_line import take_apart, written
from tests.benchmarks.field_lines import line, wrong

KEYS = st.from_regex(r"[A-Z][a-z]{1,8}( [A-Za-z0-9]{1,8}){0,2}", fullmatch=True).filter(
    lambda k: k not in ("Template", "Steps", "Sampler", "Seed", "Negative prompt"))
VALUES = (
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=60)
    .map(str.strip)
    .filter(bool)
)
PROMPTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\0"), max_size=200).map(str.strip)


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 10 ** 9))
def test_every_dialect_around_hostile_prompts(number):
    assert wrong(line(random.Random(number))) == []


@settings(max_examples=400, deadline=None)
@given(PROMPTS, PROMPTS, st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_text_and_any_value_goes_through(prompt, negative, more):
    pairs = {"Steps": "20", "Sampler": "Euler a", "Seed": "7", **more}
    text = written(prompt, negative, pairs)
    parts = take_apart(text)
    assert parts is not None
    assert parts.pairs == pairs
    plain = "\n".join((prompt, negative)).replace("\n", "\n|")
    if not parts.doubts and "Negative prompt:" not in plain:
        assert (parts.prompt.strip(), parts.negative.strip()) == (prompt, negative)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a fox",
        "Steps: 20",
        "Steps: many, Sampler: x",
        "a: b, c: d, e: f",
        "{}",
        "\n\n",
        "Negative prompt: x",
        "Steps:" * 5000,
        'Steps: 1, a: "' * 2000,
        "[" * 20000,
    ],
)
def test_what_is_no_settings_text_gives_nothing_or_little(text):
    made = from_text(text)
    assert made is None or made.seed is None


def test_a_key_that_stands_twice_and_a_decimal_comma_are_said():
    made = from_text("x\nSteps: 20, Sampler: Euler, CFG scale: 7,5, Seed: 3, Size: 64x64, Seed: 9")
    assert (made.seed, made.guidance) == (3, 7.5)
    assert any("twice" in part for part in made.named) and any("decimal comma" in part for part in made.named)
