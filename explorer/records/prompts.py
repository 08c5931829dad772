"""Prompts for a subject, and what each of their terms adds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TermGain:
    """What one term of a prompt adds: the fall in CLIP similarity (or another score) when it is left out.

    In a SignalReading it is one word's influence on the model: the gradient of the prompt's pull, never negative.
    """

    term: str
    gain: float
    tokens: int


@dataclass(frozen=True)
class PromptCandidate:
    """A prompt for a subject. `similarity` is the CLIP cosine; `bits` its length under the stated code."""

    subject_id: str
    rank: int  # from 1
    text: str
    source: str  # "interrogation" | "neighbour caption" | "caption model" | "person" | "gradient"
    mode: str  # "best" | "fast" | "classic" | "negative" | "given"
    similarity: float
    tokens: int
    bits: float
    terms: tuple[TermGain, ...] = ()
    replay_score: float | None = None  # after the generator's rerank: closeness of short replays
    replay_terms: tuple[TermGain, ...] = ()  # what each term adds to that closeness, where it was measured
