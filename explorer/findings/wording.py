"""How findings are said: the sentences of `texts/…/findings.toml` with numbers, effort and limits."""

from __future__ import annotations

import math

from explorer.texts import fields, localised, say, texts_of

LIMITS_OF: dict[str, tuple[str, ...]] = {
    "stands_out": ("member", "controls", "effort", "law"),
    "does_not_stand_out": ("absent", "effort", "law"),
    "too_few_controls": ("controls", "absent", "law"),
    "no_controls": ("member", "absent", "law"),
    "controls_not_matched": ("controls", "absent", "law"),
    "controls_do_not_fit": ("controls", "absent", "law"),
    "exploratory": ("several", "absent", "law"),
    "caption_late": ("several", "absent", "law"),
    "supplied_by_you": ("start", "law"),
    "in_words": ("start", "law"),
    "not_run": ("absent",),
    "above_band": ("member", "effort", "law"),
    "within_band": ("absent", "effort", "law"),
    "neighbour": ("similar", "law"),
    "neighbour_near": ("similar", "law"),
    "portfolio": ("several", "member", "effort", "law"),
    "portfolio_none": ("absent", "effort", "law"),
    "portfolio_does_not_fit": ("controls", "absent", "law"),
    "exhibit_again": ("effort",),
}

BANNED = ("copied", "copies of your", "stolen", "stole", "steal", "theft", "infring", "plagiar", "pirat",
          "proves", "proof that", "guilty")


def statement(kind: str, **values: object) -> str:
    """The statement of `kind` with its values in place.

    KeyError for an unknown kind, TypeError if a value is missing or one too many is given: a sentence
    with a hole, or a number that nobody reads, is a bug.
    """
    wanted = fields(texts_of("statement")[kind])
    if wanted != set(values):
        raise TypeError(f"the sentence needs {sorted(wanted)}, got {sorted(values)}")
    return say(f"statement.{kind}", **values)


def limits(kind: str) -> tuple[str, ...]:
    """What a statement of `kind` cannot show, in fixed sentences."""
    return tuple(say(f"limit.{name}") for name in LIMITS_OF[kind])


def number(value: float, digits: int = 3) -> str:
    """A number for a sentence: as many digits as mean something, never in exponents above a millionth."""
    if value == int(value) and abs(value) < 1e15:
        return localised(f"{int(value):,}")
    text = f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"
    return localised(f"{value:.7f}".rstrip("0").rstrip(".") if "e" in text else text)


def above(percentile: float) -> str:
    """A standing among unrelated pairs in [0, 100] as text; a sample never shows that it is above all of them."""
    return say("format.over", n="99.9%") if percentile > 99.9 else localised(f"{percentile:.1f}%")


def at_most(share: float, digits: int = 3) -> str:
    """An upper limit as a percentage, rounded up: what is said to be the most is never less than it."""
    if not 0 < share < 1:
        return percent(share)
    step = 10.0 ** (math.floor(math.log10(share)) + 1 - digits)
    return percent(min(1.0, round(math.ceil(share / step - 1e-9) * step, 12)))


def percent(share: float) -> str:
    """A share as a percentage: "3.1%", never rounded to nothing or to all."""
    if 0 < share < 0.001:
        return say("format.under", n="0.1%")
    if 0.999 < share < 1:
        return say("format.over", n="99.9%")
    return localised(f"{100 * share:.3g}%")
