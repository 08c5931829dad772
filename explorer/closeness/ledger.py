"""The ledger: how many bits the person supplied for a replay, by source, each under a stated code.

A closeness says little until it is known what was put in: a seed chosen among a million carries 20
bits, a starting image thousands. Every figure here is the length of a code that someone who
has the model and this file's rules could decode; the estimates of start_code.py are named as such.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any

from explorer.records import Adapter, LedgerEntry, Recipe, ReplaySettings, to_json
from explorer.records.canonical import canonical
from explorer.records.program_samplers import PRESETS
from explorer.records.samplers import offered
from explorer.texts import say

SEED_RANGE_BITS = 32  # the seeds that the usual programmes offer
LARGE_SEED_BITS = 64
# Of a value given by hand: how many there are to choose from.
GRIDS = {"steps": 1000, "guidance": 301, "strength": 100, "scheduler": len(offered(flow=False)), "side": 1024}

WHOLE_TABLE = "num_train_timesteps"  # stands in a sampler's settings once the model has filled them in
WEIGHTS = 201  # of an adapter: 0 to 2 in hundredths

_BESIDES = ("dialect", "clip_skip", "noise_source", "variation", "scheduler_config", "eta")
_USUAL = {f.name: f.default_factory() if f.default is MISSING else f.default
          for f in fields(Recipe) if f.name in _BESIDES}

# Order-0 code of English text (letters in tenths of a percent, space included), for a prompt whose
# tokens are not at hand; any other character costs an escape and its UTF-8 bytes.
_LETTERS = {" ": 182, "e": 102, "t": 75, "a": 65, "o": 62, "i": 57, "n": 57, "s": 53, "r": 50, "h": 50,
            "l": 33, "d": 33, "u": 23, "c": 22, "m": 20, "f": 20, "w": 17, "g": 16, "p": 15, "y": 14, "b": 13,
            ",": 10, "v": 8, "k": 6, "x": 1, "j": 1, "q": 1, "z": 1, "\0": 8, "\1": 15}


def prompt_bits(tokens: Sequence[int], frequencies: Mapping[int, float], *, end: int) -> float:
    """Bits of a token sequence and its `end` mark under relative `frequencies` (sum at most 1).

    KeyError for a token without a frequency: a code that cannot spell the prompt is no code for it.
    """
    if sum(frequencies.values()) > 1 + 1e-9:
        raise ValueError("the frequencies add up to more than 1, so that no code has these lengths")
    return sum(-math.log2(frequencies[t]) for t in (*tokens, end))


def text_bits(text: str) -> float:
    """Bits of a prompt under letter frequencies, for use where its tokens are not at hand; 0 if empty."""
    if not text:
        return 0.0
    total = sum(_LETTERS.values())
    cost = {c: -math.log2(n / total) for c, n in _LETTERS.items()}
    other = cost["\1"]
    return cost["\0"] + sum(
        cost[c] if c in cost and c >= " " else other + 8 * len(c.encode("utf-8", "replace")) for c in text)


def choice_bits(options: int) -> float:
    """Bits of one choice among `options` that were listed beforehand, raced or tried out in full."""
    if options < 1:
        raise ValueError(f"a choice needs at least one option, got {options}")
    return math.log2(options)


def rounds_bits(options: Sequence[int], *, allowed: int) -> float:
    """Bits of successive choices: the sum of their log2 options and log2 of the rounds that were allowed.

    Ten rounds of best-of-16 are 40 bits, and 3.3 more for having been free to stop after any of ten.
    """
    if allowed < max(1, len(options)):
        raise ValueError(f"{len(options)} rounds were played but only {allowed} allowed")
    return sum(map(choice_bits, options)) + math.log2(allowed)


def rounds_entry(options: Sequence[int], *, allowed: int) -> LedgerEntry:
    """`rounds_bits` as an entry."""
    return LedgerEntry("rounds", rounds_bits(options, allowed=allowed),
                       say("note.closeness.rounds_each_one", options_count=len(options), allowed=allowed))


def prompt_entry(bits: float, code: str) -> LedgerEntry:
    """A prompt's entry. A searched prompt is charged its code only, not its search as well."""
    return LedgerEntry("prompt", bits, say("note.closeness.length_prompt_under", code=code))


def words_entry(code: bytes) -> LedgerEntry:
    """Fitted words, which are their own code: its length."""
    return LedgerEntry("words", 8.0 * len(code), say("note.closeness.fitted_words"))


def seeds_entry(settings: ReplaySettings, *, seeds_before: int = 0,
                count: int | None = None) -> LedgerEntry:
    """The seed's entry: log2 of the seeds listed, or the whole range for a seed given by hand.

    `seeds_before` is how many seeds from 0 on earlier searches with this prompt have tried: a list that
    goes on from there is one list with them. `count` stands for `settings.seeds` (img2img has its own).
    """
    count = settings.seeds if count is None else count
    first, last = settings.first_seed, settings.first_seed + max(count, 1) - 1
    if first == 0 or first <= seeds_before:
        return LedgerEntry("seeds", choice_bits(last + 1),
                           say("note.closeness.one_seed_chosen", last=last + 1))
    bits = SEED_RANGE_BITS if last < 2 ** SEED_RANGE_BITS else LARGE_SEED_BITS
    extra = say("note.closeness.tried_from_there", count=count) if count > 1 else ""
    return LedgerEntry("seeds", float(bits),
                       say("note.closeness.seed_by_hand", first=first, bits=bits, extra=extra))


def settings_entry(settings: ReplaySettings, recipe: Recipe | None = None) -> LedgerEntry:
    """The settings' entry: log2 of each list of values, or the stated grid for a single value by hand.

    What the `recipe` sets beside them (variation, eta, clip skip, noise source, the sampler's settings, dialect)
    costs its letters; a program's way that stands in the list of samplers is paid for by its place there. Of the
    sampler's settings those cost that were asked for: a replay's recipe holds all of them, the model's own too.
    """
    bits, words = 0.0, []
    lists = {"steps": settings.steps, "guidance": settings.guidances, "scheduler": settings.schedulers}
    for name, values in lists.items():
        if len(values) > 1:
            bits += choice_bits(len(values))
            words.append(say("note.closeness.one_listed", name=_part(name), n=len(values)))
    given = [name for name, values in lists.items() if len(values) == 1 and values[0] not in (0, 0.0, "euler")]
    for name in (*given, *("side" for px in (settings.width_px, settings.height_px) if px)):
        bits += choice_bits(GRIDS[name])
        words.append(_by_hand(name))
    parts = {} if recipe is None else _besides(recipe, settings)
    if parts:
        bits += text_bits(canonical(parts).decode())
        words.append(say("note.closeness.set_besides_letters", parts=", ".join(parts).replace("_", " ")))
    return LedgerEntry("settings", bits, ("; ".join(words) or say("note.closeness.all_settings_model")) + ".")


def _besides(recipe: Recipe, settings: ReplaySettings) -> dict[str, Any]:
    """What a recipe sets otherwise than usual, as JSON values; without what a listed program's way brings along."""
    ways, config = [PRESETS[name] for name in settings.schedulers if name in PRESETS], recipe.scheduler_config
    listed = any((way.key, way.noise_source) == (recipe.scheduler, recipe.noise_source) and (
        way.config == config or (WHOLE_TABLE in config and way.config.items() <= config.items())) for way in ways)
    names = [n for n in _BESIDES if not (listed and n in ("noise_source", "scheduler_config"))]
    asked = replace(recipe, scheduler_config=_asked_config(recipe, settings))
    return {n: to_json(getattr(asked, n)) for n in names if getattr(asked, n) != _USUAL[n]}


def _asked_config(recipe: Recipe, settings: ReplaySettings) -> dict[str, Any]:
    """The sampler's settings that somebody named; a whole table comes from the model, unless it was taken over."""
    config = recipe.scheduler_config
    for taken in settings.recipes:
        if taken.scheduler_config.items() <= config.items():
            return taken.scheduler_config
    return {} if WHOLE_TABLE in config and not settings.recipes else config


def adapters_entry(adapters: Sequence[Adapter]) -> LedgerEntry:
    """The weights by hand of the adapters laid over a model, which are part of its name and not of the bill.

    What an adapter holds somebody chose to train; a finding then speaks of the model with it and of no other.
    """
    return LedgerEntry("adapters", choice_bits(WEIGHTS) * len(adapters),
                       say("note.closeness.adapters_by_hand", names=", ".join(a.name for a in adapters), n=WEIGHTS))


def _part(name: str) -> str:
    return say(f"note.ledger.{name}")


def _by_hand(name: str) -> str:
    return say("note.closeness.by_hand", name=_part(name), grid=say(f"note.ledger.grid_{name}", n=GRIDS[name]))


def strength_entry(settings: ReplaySettings) -> LedgerEntry:
    """Which share of the way was noised: the list of strengths, txt2img being one more choice."""
    options = len(settings.strengths) + (1 if settings.seeds else 0)
    if len(settings.strengths) == 1 and not settings.seeds:
        return LedgerEntry("settings", choice_bits(GRIDS["strength"]), f"{_by_hand('strength')}.")
    return LedgerEntry("settings", choice_bits(max(1, options)),
                       say("note.closeness.one_ways_listed", options=options))


def search_ledger(settings: ReplaySettings, *, prompt_bits: float, prompt_code: str, recipe: Recipe,
                  seeds_before: int = 0, start: LedgerEntry | None = None,
                  noise: LedgerEntry | None = None, words: LedgerEntry | None = None) -> tuple[LedgerEntry, ...]:
    """Bits supplied for one replay of a search, by source: prompt, seeds, settings, adapters, and what was given.

    `prompt_bits` counts prompt and negative prompt under `prompt_code`. A `recipe` with a starting image needs
    `start` (see start_code.py), one with a noise blob needs `noise`, one with a fitted embedding `words`:
    ValueError without, for the ledger would leave out the largest bill.
    """
    from_start = recipe.start_sha256 is not None
    if from_start and start is None:
        raise ValueError("a replay from a starting image needs that image's entry")
    if recipe.noise_blob is not None and noise is None:
        raise ValueError("a replay from given noise needs that noise's entry")
    if recipe.embedding_blob is not None and words is None:
        raise ValueError("a replay under fitted words needs those words' entry")
    entries = [prompt_entry(prompt_bits, prompt_code),
               seeds_entry(settings, seeds_before=seeds_before,
                           count=settings.strength_seeds if from_start else None),
               settings_entry(settings, recipe)]
    if recipe.model.adapters:
        entries.append(adapters_entry(recipe.model.adapters))
    if settings.strengths:
        entries.append(strength_entry(settings))
    if from_start:
        entries.append(start)
    if recipe.noise_blob is not None:
        entries.append(noise)
    if recipe.embedding_blob is not None:
        entries.append(words)
    return tuple(entries)


def total_bits(ledger: Sequence[LedgerEntry]) -> float:
    """All bits supplied."""
    return float(sum(entry.bits for entry in ledger))


def supplied_by_you(ledger: Sequence[LedgerEntry]) -> float:
    """Share of the bits that came with a starting image, given noise or fitted words; in [0, 1].

    A figure for the reader and no rule: words can be added until any share is small.
    """
    total = total_bits(ledger)
    return sum(e.bits for e in ledger if e.source in ("starting image", "noise", "words")) / total if total else 0.0
