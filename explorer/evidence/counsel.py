"""What is for counsel only: tried in a case of its own, and never in one that is shown but for one number.

A counsel-only case is an ordinary case with a mark beside it, in its folder and not in its log. What leaves it is
how often the same picture was looked at: looks are counted over all cases, so that none can be hidden. Before
anything is written of another case, that case and all that goes out with it are searched for what was tried for
counsel only: its names, its words and its pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from explorer.cases.case import Case
from explorer.cases.log import LogEntry
from explorer.cases.store import CaseStore
from explorer.cases.view import CaseView
from explorer.collections.likeness import likeness
from explorer.collections.signatures import blank, signature
from explorer.errors import ExplorerError, shortened
from explorer.evidence.counsel_said import LooksCounted, counsel_cases
from explorer.evidence.incidence_records import IncidencePlan, PromptOutcome
from explorer.findings.looks import looks_at, same_picture
from explorer.images.decode import read_png
from explorer.records import PromptCandidate
from explorer.texts import say

LONG = 12  # letters from which words are looked for inside other words too
NAME = re.compile(r"[0-9]{8}-[0-9a-f]{10}|[0-9a-f]{12,64}")  # of cases, searches, jobs, replays, log entries
RECOVERED = ("interrogation", "neighbour caption", "caption model")  # prompts that a case finds by itself
MOST_BLOB = 16 << 20


@dataclass
class Traces:
    """What was tried for counsel only: names, words, and pictures made and given there."""

    names: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    pictures: list[np.ndarray] = field(default_factory=list)  # signatures (3072,) of what was made
    given: list[np.ndarray] = field(default_factory=list)  # of the subjects, which may be in other cases too


def traces(store: CaseStore) -> Traces:
    """What all counsel-only cases hold."""
    found = Traces()
    for case_id in counsel_cases(store):
        case = store.open(case_id)
        try:
            _gather(found, case)
        finally:
            case.close()
    return found


def check_disclosed(store: CaseStore, case: Case, *, texts: Iterable[str] = (),
                    pictures: Sequence[np.ndarray] = ()) -> None:
    """ExplorerError where the case is for counsel only, or holds something that was tried for counsel only.

    `texts` and `pictures` (h, w, 3) uint8 are what goes out with it.
    """
    if store.is_counsel_only(case.id):
        raise ExplorerError("counsel.never_exported")
    known = traces(store)
    where = next(_leaks(known, case, texts, pictures), None)
    if where is not None:
        raise ExplorerError("counsel.found", where=where)


def count_looks(store: CaseStore, case: Case, *, job_id: str = "") -> None:
    """Puts on record how often each subject's picture was looked at: the one number that crosses over."""
    for subject in case.subjects():
        looks = looks_at(store, read_png(case.blob(subject.pixels_sha256)))
        case.commit(LooksCounted(subject.id, len(looks.found)), job_id=job_id)


def _gather(found: Traces, case: Case) -> None:
    found.names |= {case.id} | {e.hash for e in case.log()} | {e.job for e in case.log() if len(e.job) >= LONG}
    for subject in case.subjects():
        found.given.append(signature(read_png(case.blob(subject.pixels_sha256))))
        found.names |= {plan.id for plan in case.plans(subject.id)}
    made = case.replays(order_by="time", limit=-1)
    found.names |= {r.id for r in made} | {p.id for p in case.records(IncidencePlan)}
    found.pictures += [signature(read_png(case.blob(r.image_sha256))) for r in made]
    given = {_plain(text) for s in case.subjects() for text in (s.caption, s.name)}
    found.words |= {_plain(text) for text in _tried(case)} - given - {""}


def _tried(case: CaseView) -> Iterator[str]:
    """Every prompt that somebody tried in a case, and every choice that was written down."""
    for entry in case.log():
        data = entry.body.get("data", entry.body)
        if entry.kind == "SearchPlan":
            settings = data["settings"]
            yield from (settings.get("prompt", ""), settings.get("negative_prompt", ""),
                        *settings.get("more_prompts", ()))
        elif entry.kind in ("Replay", "Exhibit"):
            yield from (data["recipe"]["prompt"], data["recipe"].get("negative_prompt", ""))
        elif entry.kind == "choice" and isinstance(entry.body["value"], str):
            yield entry.body["value"]
        elif entry.kind == "SignalReading":
            yield data.get("prompt", "")
        elif entry.kind == "PromptCandidate" and data["source"] == "person":
            yield data["text"]
    yield from (o.prompt for o in case.records(PromptOutcome))


def _leaks(known: Traces, case: Case, texts: Iterable[str], pictures: Sequence[np.ndarray]) -> Iterator[str]:
    """Where something that was tried for counsel only stands, in words."""
    own = _own_words(case)
    words = {w for w in known.words if w not in own}
    for entry in case.log():
        told = [entry.actor, *_strings(entry.body)]
        told += _blob_texts(case, entry)
        if hit := _named(known.names, words, told):
            yield say("counsel_said.entry", entry=entry.seq, what=shortened(hit))
    for text in texts:
        if hit := _named(known.names, words, [text]):
            yield say("counsel_said.text", what=shortened(hit))
    shown = [(s.name, read_png(case.blob(s.pixels_sha256))) for s in case.subjects()]
    for name, rgb in (*shown, *((say("counsel_said.another"), p) for p in pictures)):
        if _made_there(known, signature(rgb)):
            yield say("counsel_said.picture", name=shortened(name))


def _own_words(case: CaseView) -> set[str]:
    """Prompts that the case recovered by itself: anybody who looks at the picture comes to them."""
    return {_plain(p.text) for p in case.records(PromptCandidate) if p.source in RECOVERED}


def _blob_texts(case: Case, entry: LogEntry) -> list[str]:
    """What files that came into the case from outside say: lists of prompts, and texts inside pictures."""
    if entry.kind not in ("Subject", "IncidencePlan"):
        return []
    found = []
    for name in entry.body.get("blobs", ()):
        data = case.blob(name)
        if len(data) <= MOST_BLOB:
            text = data.decode("utf-8", errors="replace")
            found += text.splitlines() if entry.kind == "IncidencePlan" else [text]
    return found


def _named(names: set[str], words: set[str], told: Sequence[str]) -> str:
    """The first name or words of a counsel-only case in texts; "" for none."""
    for text in told:
        plain = _plain(text)
        if plain in words:
            return text
        squeezed = plain.replace(" ", "")
        hit = next((n for n in NAME.findall(text.lower()) if n in names), None) or next(
            (w for w in words if len(w) >= LONG and (w in plain or w.replace(" ", "") in squeezed)), None)
        if hit:
            return hit
    return ""


def _made_there(known: Traces, mark: np.ndarray) -> bool:
    """Whether a picture is one that was made for counsel only, and not rather the picture that was given there."""
    if blank(mark[None])[0]:
        return False
    made = [p for p in known.pictures if same_picture(mark, p)]
    if not made:
        return False
    nearest = max(_apart(mark, p) for p in made)
    return nearest > max((_apart(mark, g) for g in known.given), default=-1.0)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """Likeness of two signatures; identical ones count as more alike than any others."""
    return 2.0 if np.array_equal(a, b) else float(likeness(a[None], b[None])[0])


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [s for k, v in value.items() for s in (str(k), *_strings(v))]
    if isinstance(value, (list, tuple)):
        return [s for v in value for s in _strings(v)]
    return []


def _plain(text: str) -> str:
    """Words as they are compared: small letters, single spaces, without punctuation."""
    kept = "".join(c if c.isalnum() else " " for c in str(text).casefold())
    return " ".join(kept.split())


