"""From an image to prompts: terms whose CLIP embedding, put together, lies nearest to the image's.

The modes follow CLIP Interrogator (pharmapsychotic 2022): "best" searches with a beam, "fast" strings the
nearest terms together, "classic" fills a sentence with one term of each kind, "negative" looks for what the
image is not. "gradient" searches over tokens (see pez.py). CLIP similarity says what a prompt has in common
with the image, not that the image was made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.clip.bank import TermBank, open_bank
from explorer.clip.beam import Beam, BeamSettings
from explorer.clip.bits import prompt_bits
from explorer.clip.term_gains import parts_of, term_gains
from explorer.clip.term_pool import Joiner, gather, joined
from explorer.clip.terms import TermList, has_phrase
from explorer.errors import ExplorerError
from explorer.records import Progress, PromptCandidate
from explorer.run import QUIET, Run
from explorer.texts import say

if TYPE_CHECKING:
    from explorer.clip.encoder import Encoder

MODES = ("best", "fast", "classic", "negative", "gradient")
SOURCES = ("person", "caption model", "neighbour caption")
Found = tuple[str, str]  # a prompt, and the mode that found it


@dataclass(frozen=True)
class Caption:
    """A caption that enters as a candidate, with where it is from."""

    text: str
    source: str  # one of SOURCES


@dataclass(frozen=True)
class InterrogationSettings:
    """`pool` terms are considered, `prompts` of a mode returned, `fast_terms` strung together."""

    pool: int = 2048
    prompts: int = 5
    fast_terms: int = 32
    classic_flavors: int = 3
    overlap: float = 0.6  # two prompts that share more of their terms than this count as one
    gradient_tokens: int = 8
    gradient_steps: int = 200
    seed: int = 0
    beam: BeamSettings = field(default_factory=BeamSettings)


@dataclass(frozen=True)
class Interrogation:
    """What the modes work on. `query` (d,) is the image's unit vector; `opening` begins every prompt."""

    encoder: Encoder
    query: np.ndarray
    banks: tuple[TermBank, ...]
    opening: str
    banned: tuple[str, ...]
    settings: InterrogationSettings
    run: Run

    def similarity(self, texts: Sequence[str]) -> np.ndarray:
        return self.encoder.encode_texts(texts) @ self.query

    def fits(self, text: str) -> bool:
        return len(self.encoder.token_ids(text)) <= self.encoder.max_tokens

    def of_role(self, *roles: str) -> tuple[TermBank, ...]:
        return tuple(b for b in self.banks if b.terms.role in roles)


def interrogate(encoder: Encoder, image_rgb: np.ndarray | None, *, subject_id: str, mode: str = "best",
                terms: Sequence[TermList], captions: Sequence[Caption | str] = (), banned: Sequence[str] = (),
                locked: Sequence[str] = (), cache: Path | None = None, embedding: np.ndarray | None = None,
                bits: Callable[[Sequence[int]], float] = prompt_bits,
                settings: InterrogationSettings | None = None, weighed: bool = True,
                run: Run = QUIET) -> list[PromptCandidate]:
    """Writes term embeddings to `cache`. Ranked prompts for an image.

    `image_rgb` is (h, w, 3) uint8; `embedding` (d,) unit vector, if known, takes its place. A caption given
    as a string is a neighbour's. The person's own caption, else the caption model's, opens every prompt,
    then the locked terms. The person's own caption ranks first, the rest by CLIP similarity (negative: least
    first, and no captions). `bits` counts a prompt's tokens under a stated code; with `weighed` each prompt says
    what each of its terms gains. Raises ExplorerError for an unknown mode, no terms, or locked terms without room.
    """
    settings = settings or InterrogationSettings()
    if mode not in MODES:
        raise ExplorerError("clip.interrogate_no_interrogation_mode", mode=mode, modes=", ".join(MODES))
    query = _query(encoder, image_rgb, embedding)
    given = [] if mode == "negative" else _captions(captions, banned)
    opening = _opening(encoder, given, locked)
    banks = _banks(encoder, terms, cache, mode, run)
    job = Interrogation(encoder, query, banks, opening, tuple(b for b in banned if b.strip()), settings, run)
    found = _MODES[mode](job)
    if not any(text for text, _ in found) and not given:
        raise ExplorerError("clip.interrogate_no_prompt_built", max_tokens=encoder.max_tokens)
    if weighed:
        run.report(Progress(1, 1, say("progress.measuring_each_term")))
    made = []
    for rank, (text, source, how, similarity) in enumerate(_ordered(job, mode, found, given), start=1):
        ids = encoder.token_ids(text)
        gains = term_gains(encoder, query, text, opening=opening) if weighed else ()
        made.append(PromptCandidate(subject_id, rank, text, source, how, similarity, len(ids), bits(ids), gains))
        run.tick()
    return made


def _captions(captions: Sequence[Caption | str], banned: Sequence[str]) -> list[Caption]:
    """Captions that say something; a banned phrase rules out every caption but the person's own."""
    made = [c if isinstance(c, Caption) else Caption(c, "neighbour caption") for c in captions]
    return [c for c in made if c.text.strip()
            and (c.source == "person" or not any(has_phrase(c.text, b) for b in banned))]


def _query(encoder: Encoder, image_rgb: np.ndarray | None, embedding: np.ndarray | None) -> np.ndarray:
    if embedding is None:
        if image_rgb is None:
            raise ValueError("give an image or its embedding")
        return encoder.encode_images([image_rgb])[0]
    if embedding.shape != (encoder.dim,):
        raise ExplorerError("clip.interrogate_stored_embedding_numbers", last_shape=embedding.shape[-1],
                            encoder_name=encoder.name, dim=encoder.dim)
    return np.asarray(embedding, np.float32)


def _opening(encoder: Encoder, captions: Sequence[Caption], locked: Sequence[str]) -> str:
    """Caption and locked terms as one text. A caption that leaves no room for a term is left out."""
    fixed = ""
    for term in dict.fromkeys(" ".join(t.split()) for t in locked if t.strip()):
        fixed = joined(fixed, term)
    if len(encoder.token_ids(fixed)) > encoder.max_tokens:
        raise ExplorerError("clip.interrogate_locked_terms_take", token_ids_count=len(encoder.token_ids(fixed)),
                            max_tokens=encoder.max_tokens)
    for source in ("person", "caption model"):
        for caption in captions:
            text = joined(" ".join(caption.text.split()), fixed) if fixed else " ".join(caption.text.split())
            if caption.source == source and len(encoder.token_ids(text)) <= encoder.max_tokens - 2:
                return text
    return fixed


def _banks(encoder: Encoder, terms: Sequence[TermList], cache: Path | None, mode: str,
           run: Run) -> tuple[TermBank, ...]:
    """The lists' banks. The negative list is read only where it is asked for."""
    wanted = [t for t in terms if len(t) and (mode == "negative" or t.role != "negative")]
    if mode == "negative":
        wanted = [t for t in wanted if t.role in ("flavor", "negative")] or wanted
    if not wanted and mode != "gradient":
        raise ExplorerError("clip.interrogate_no_terms_build")
    return tuple(open_bank(encoder, one, cache=cache, run=run) for one in wanted if mode != "gradient")


def _best(job: Interrogation) -> list[Found]:
    """The beam's prompts beside the fast and the classic one."""
    return [*((text, "best") for text in _beam(job, sign=1)), *_fast(job), *_classic(job)]


def _negative(job: Interrogation) -> list[Found]:
    return [(text, "negative") for text in _beam(job, sign=-1)]


def _beam(job: Interrogation, *, sign: int) -> list[str]:
    pool = gather(job.banks, job.query, size=job.settings.pool, sign=sign, banned=job.banned,
                  without=parts_of(job.opening))
    score = sign * float(job.similarity([job.opening])[0]) if job.opening else -np.inf
    beam = Beam(Joiner(job.encoder, pool, job.query), job.settings.beam, sign=sign)
    drafts = beam.search(job.opening, score, job.run)
    texts = [d.text for d in drafts]
    alone = job.opening and (not drafts or drafts[0].score < score)
    return [job.opening, *texts] if alone else texts


def _fast(job: Interrogation) -> list[Found]:
    """The nearest terms after the opening, as many of them as bring the prompt nearest."""
    job.run.report(Progress(0, 1, say("progress.stringing_nearest_terms")))
    pool = gather(job.banks, job.query, size=job.settings.fast_terms, banned=job.banned,
                  without=parts_of(job.opening))
    texts, text = [], job.opening
    for term in pool.texts:
        if job.fits(joined(text, term)):
            text = joined(text, term)
            texts.append(text)
    if not texts:
        return [(job.opening, "fast")] if job.opening else []
    return [(texts[int(np.argmax(job.similarity(texts)))], "fast")]


def _classic(job: Interrogation) -> list[Found]:
    """Opening, medium and artist, trending, movement, flavors: the nearest of each kind there is."""
    job.run.report(Progress(0, 1, say("progress.filling_classic_sentence")))
    kinds = {role: gather(job.of_role(role), job.query, size=n, banned=job.banned).texts for role, n in
             (("medium", 1), ("artist", 1), ("trending", 1), ("movement", 1),
              ("flavor", job.settings.classic_flavors))}
    medium = [m for m in kinds["medium"] if not job.opening.casefold().startswith(m.casefold())]
    phrases = [" ".join((*medium, *kinds["artist"])),
               *kinds["trending"], *kinds["movement"], *kinds["flavor"]]
    text = job.opening
    for phrase in (p for p in phrases if p):
        text = joined(text, phrase) if job.fits(joined(text, phrase)) else text
    return [(text, "classic")] if text else []


def _gradient(job: Interrogation) -> list[Found]:
    from explorer.clip.pez import hard_prompt
    text = hard_prompt(job.encoder, job.query, tokens=job.settings.gradient_tokens,
                       steps=job.settings.gradient_steps, seed=job.settings.seed, opening=job.opening,
                       banned=job.banned, run=job.run)
    return [(text, "gradient")]


_MODES: dict[str, Callable[[Interrogation], list[Found]]] = {
    "best": _best, "fast": _fast, "classic": _classic, "negative": _negative, "gradient": _gradient}


def _ordered(job: Interrogation, mode: str, found: Sequence[Found],
             captions: Sequence[Caption]) -> list[tuple[str, str, str, float]]:
    """(text, source, mode, similarity) of all candidates, measured without the prefix cache, distinct."""
    rows = [(" ".join(c.text.split()), c.source, "given") for c in captions]
    rows += [(text, "gradient" if how == "gradient" else "interrogation", how)
             for text, how in found if text]
    rows = list({r[0].casefold(): r for r in reversed(rows)}.values())[::-1]  # a caption keeps its label
    similarities = job.similarity([r[0] for r in rows]) if rows else []
    sign = -1 if mode == "negative" else 1
    order = sorted(range(len(rows)), key=lambda i: (rows[i][1] != "person", -sign * similarities[i]))
    return _distinct([(*rows[i], float(similarities[i])) for i in order], job.settings)


def _distinct(rows: Sequence[tuple[str, str, str, float]],
              settings: InterrogationSettings) -> list[tuple[str, str, str, float]]:
    """Every caption, and the best prompts of a mode that do not share most of their terms."""
    kept: list[tuple[str, str, str, float]] = []
    made: list[tuple[frozenset[str], str]] = []
    for row in rows:
        if row[2] == "given":
            kept.append(row)
            continue
        parts = frozenset(p.casefold() for p in parts_of(row[0]))
        near = any(len(parts & p) / len(parts | p) > settings.overlap and how == row[2] for p, how in made)
        if not near and sum(how == row[2] for _, how in made) < settings.prompts:
            made.append((parts, row[2]))
            kept.append(row)
    return kept
