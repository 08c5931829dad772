"""The ledger of one replay from what a case holds: its plan, its prompt candidates, its starting image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from explorer.cases.view import CaseView
from explorer.closeness.ledger import rounds_entry, search_ledger, text_bits, words_entry
from explorer.closeness.start_code import StartBill, bound_entry, measured_entry
from explorer.errors import cut
from explorer.images.decode import read_png
from explorer.records import (
    LedgerEntry,
    PromptCandidate,
    PromptRead,
    Recipe,
    Replay,
    ReplaySettings,
    SearchPlan,
    from_json,
)
from explorer.records.replay_settings import taken_over
from explorer.search.fit_size import fit
from explorer.texts import say

SHOWN_UNREAD = 40  # letters of what the model does not read


def recipe_ledger(recipe: Recipe, settings: ReplaySettings, *, prompts: Sequence[PromptCandidate] = (),
         start_rgb: np.ndarray | None = None, start: LedgerEntry | None = None,
         noise: LedgerEntry | None = None, words: LedgerEntry | None = None,
         seeds_before: int = 0, read: PromptRead | None = None,
         read_negative: PromptRead | None = None) -> tuple[LedgerEntry, ...]:
    """Every source of bits in `recipe`, made by a search with `settings`.

    `start_rgb` is the starting image at the replay's size, (h, w, 3) uint8: without a measured `start`
    its lossless size is the stated bound. A prompt found by interrogation costs the bits stored with it;
    a typed one its letters. A negative prompt costs its letters. `read` and
    `read_negative` are how the model takes them.
    """
    known = next((p.bits for p in prompts if p.text == recipe.prompt and p.bits > 0), None)
    bits = text_bits(recipe.prompt) if known is None else known
    code = say("note.closeness.code_letters" if known is None else "note.closeness.code_tokens") + _own_tokens(read)
    if recipe.negative_prompt:
        bits += text_bits(recipe.negative_prompt)
        code += say("aside.negative_prompt_letters") + _own_tokens(read_negative)
    if recipe.start_sha256 is not None and start is None:
        if start_rgb is None:
            raise ValueError("a replay from a starting image needs that image, or its measured entry")
        start = bound_entry(start_rgb)
    if recipe.noise_blob is not None and noise is None:
        values = recipe.width_px // 8 * (recipe.height_px // 8) * 4
        noise = LedgerEntry("noise", 32.0 * values, say("aside.most_noise_32"))
    return search_ledger(settings, prompt_bits=bits, prompt_code=code, recipe=recipe, start=start, noise=noise,
                         words=words, seeds_before=seeds_before)


def _own_tokens(read: PromptRead | None) -> str:
    if read is None:
        return ""
    told = say("aside.own_tokens", n=read.tokens)
    return told + say("aside.unread", start=cut(read.unread, SHOWN_UNREAD)) if read.unread else told


def ledger_of(case: CaseView, replay: Replay) -> tuple[LedgerEntry, ...]:
    """The bits supplied for a replay: as its search recorded them for it, else counted here."""
    return next((s.ledger for s in case.searches(replay.subject_id)
                 if s.best_replay_id == replay.id and s.ledger), None) or replay_ledger(case, replay)


def replay_ledger(case: CaseView, replay: Replay) -> tuple[LedgerEntry, ...]:
    """The ledger of a replay in a case: `recipe_ledger` with the search's logged plan and the case's blobs.

    Reads only; a measured StartBill of the replay stands in place of the bound. This is what a search's
    summary should carry for its best replay. A replay that was reached from another one costs that one's
    bits and the rounds up to it.
    """
    recipe, plan = replay.recipe, case.record(SearchPlan, replay.search_id)
    settings = from_json(ReplaySettings, plan.settings) if plan is not None else taken_over(recipe)
    if settings.mode == "closer":
        return (*replay_ledger(case, case.replay(settings.parent)), _rounds(case, replay, settings))
    start = noise = None
    measured = case.record(StartBill, replay.id)
    entries = {measured.source: measured_entry(measured)} if measured else {}
    if recipe.noise_blob is not None:
        noise = entries.get("noise") or LedgerEntry(
            "noise", 8.0 * len(case.blob(recipe.noise_blob)),
            say("aside.most_noise_32"))
    if recipe.start_sha256 is not None:
        start = fit(read_png(case.blob(recipe.start_sha256)), height_px=recipe.height_px, width_px=recipe.width_px)
    words = None if recipe.embedding_blob is None else words_entry(case.blob(recipe.embedding_blob))
    same = plan is not None and recipe.prompt == settings.prompt
    read = (plan.read, plan.read_negative) if same else (None, None)
    return recipe_ledger(recipe, settings, prompts=case.prompts(replay.subject_id), start_rgb=start, read=read[0],
                         read_negative=read[1], start=entries.get("starting image"), noise=noise, words=words)


def _rounds(case: CaseView, replay: Replay, settings: ReplaySettings) -> LedgerEntry:
    """Choices among a round's options or the start itself, up to the round that made the replay."""
    made = case.made(replay.subject_id, replay.search_id)
    place = next(n for n, other in enumerate(made) if other.id == replay.id)
    played = min(settings.rounds, place // settings.options + 1)
    return rounds_entry([settings.options + 1] * played, allowed=settings.rounds)
