"""The result types that rooms hand to each other: frozen, JSON-friendly, numpy at most.

Every record goes to the case store and into packages by `to_json` and comes back by `from_json`. Arrays never
live in records: images and latents are blobs, named by their SHA-256.
"""

from __future__ import annotations

from explorer.records.json_form import from_json, to_json
from explorer.records.model import CollectionInfo, ModelInfo
from explorer.records.neighbours import CopyCheck, Neighbour
from explorer.records.progress import Progress
from explorer.records.prompts import PromptCandidate, TermGain
from explorer.records.recipe import RECIPE_SCHEMA, Adapter, ModelRef, Recipe, Start, Variation, recipe_digest
from explorer.records.replay import Environment, Replay
from explorer.records.replay_settings import ReplaySettings, StopRules
from explorer.records.search import Effort, LedgerEntry, PromptRead, SearchPlan, SearchSummary
from explorer.records.subject import Embedding, Subject

__all__ = [
    "RECIPE_SCHEMA", "Adapter", "CollectionInfo", "CopyCheck", "Effort", "Embedding", "Environment",
    "LedgerEntry", "ModelInfo", "ModelRef", "Neighbour", "Progress", "PromptCandidate", "PromptRead", "Recipe",
    "Replay",
    "ReplaySettings", "SearchPlan", "SearchSummary", "Start", "StopRules", "Subject", "TermGain", "Variation",
    "from_json", "recipe_digest", "to_json",
]
