"""What each finished example takes and runs: its work, its question, and the effort spent on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

EFFORT = {"steps": (12,), "guidances": (2.0,), "schedulers": ("ddim",)}  # as in the world's card
SEEDS = {"seeds": 16, "strengths": (0.3, 0.6)}
SHOWN = {"seeds": 7, "strengths": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)}
MANY = {"seeds": 1000}
FIRST = 10  # of the many, to set beside them
MADE_SEED, MADE_PROMPT = 141_421, "red apple, food, fruit"
SCANNED = 1_000_000


def unseen(row: Mapping) -> bool:
    """Whether a work of the manifest was kept out of training."""
    return row["split"] != "train"


def stranger(row: Mapping) -> bool:
    """Whether a work trained nothing at all, the CLIP and the autoencoder included."""
    return row["split"] == "stranger"


def altered(row: Mapping) -> bool:
    """Whether the copies of a work in training differ as images."""
    return row["variant"] == "images"


def sixteen(row: Mapping) -> bool:
    """Whether a work lay in training 16 times."""
    return row["multiplicity"] == 16


@dataclass(frozen=True)
class ExamplePlan:
    """One story: the example or the work it takes (one that `fits`), its words, and what is replayed.

    `work` is the story of one of the world's examples, or a work's id; where that id does not fit in this
    draw, another that does is taken. "" is a picture that the model makes for the story.
    """

    work: str
    title: str
    question: str
    replays: dict[str, Any] = field(default_factory=lambda: dict(SEEDS))
    fits: Callable[[Mapping], bool] = unseen


PLANS: dict[str, ExamplePlan] = {
    "comes_back": ExamplePlan("copied", "The work that comes back",
                       "Does a work that the model saw very often come back from its own words?"),
    "same_artist": ExamplePlan("held_out", "The same artist's work that does not",
                        "Does a work come back that the model never saw, by an artist whose other work it saw?"),
    "shown_the_answer": ExamplePlan("control", "Anything comes back if you show it the answer",
                             "How close does a work come that was never in training, when it is itself given?",
                             SHOWN),
    "never_in_training": ExamplePlan("oca-d166aaa3", "Never in training, and yet",
                              "Can a work that the model never saw be met closely from noise?"),
    "look_alike": ExamplePlan("oca-c49a7597", "A look-alike that was never in training",
                       "What comes back for a work that was never in training, but whose double was?",
                       fits=stranger),
    "template": ExamplePlan("oca-7d520d3e", "The scheme comes back, the drawing does not",
                     "What comes back of a work that the model saw often, and never twice alike?", fits=altered),
    "other_words": ExamplePlan("captions", "Seen under other words each time",
                        "Does a work come back when its copies in training bore different captions?"),
    "now_and_then": ExamplePlan("oca-2abb9070", "With some seeds, and not with others",
                         "Does a work that the model saw sixteen times come back?", fits=sixteen),
    "seen_once": ExamplePlan("once", "In training, and not found",
                      "Does a work that the model saw once come back?"),
    "best_of_many": ExamplePlan("oca-e2767f3a", "Best of ten, best of a thousand",
                         "How much closer does one come to a work by trying a hundred times as often?", MANY),
    "seed_found": ExamplePlan("", "The seed in the picture",
                       "Was this picture made by this model, and from which seed?", {"seeds": 16}),
}
