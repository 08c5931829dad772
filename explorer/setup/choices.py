"""The five decisions of a test of another model, with sensible answers; kept in the workspace until it is begun."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.clip.known_clips import KNOWN as CLIPS
from explorer.clip.known_clips import belongs_to, check_choice, is_clip
from explorer.diffusion.known import KNOWN as MODELS
from explorer.diffusion.known import KnownModel
from explorer.diffusion.locate import HUB_ID, locate
from explorer.errors import ExplorerError
from explorer.records import from_json, to_json
from explorer.settings import Settings, save_settings


@dataclass(frozen=True)
class Choices:
    """What a person decided so far.

    `model` is a hub id, a folder or a file; `clip` "" the one that belongs to it; `collection` "" none, a folder of
    pictures, an index or an address; `controls` a folder. `jobs` is what was begun, in order.
    """

    model: str = MODELS[0].source
    clip: str = ""
    collection: str = ""
    controls: str = ""
    seeds: int = 16
    case: str = ""  # whose pictures are tested
    fetch: tuple[str, ...] = ()  # jobs
    check: str = ""  # job
    jobs: tuple[str, ...] = ()  # of the measured test: the controls', then one a work
    asked: tuple[str, ...] = ()  # of familiarity, alike; none for a model that cannot be asked
    after: tuple[str, ...] = ()  # jobs that no result waits for

    @property
    def known(self) -> KnownModel | None:
        """The model's row in the list of known ones; None for a folder, a file or another id."""
        return next((m for m in MODELS if m.source.partition("@")[0] == self.model.partition("@")[0]), None)


def load(settings: Settings, *, person: str = "") -> Choices:
    """What was decided in this workspace, by this person where several share it; the plain answers before that."""
    try:
        return from_json(Choices, json.loads(_file(settings, person).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return Choices()


def save(settings: Settings, choices: Choices, *, person: str = "") -> None:
    """Writes them, whole."""
    path = _file(settings, person)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as draft:
        json.dump(to_json(choices), draft, indent=1, sort_keys=True)
    os.replace(draft.name, path)


def _file(settings: Settings, person: str) -> Path:
    mark = f"-{hashlib.sha256(person.encode()).hexdigest()[:12]}" if person else ""
    return settings.home / f"setup{mark}.json"


@dataclass(frozen=True)
class Needed:
    """What is on this computer and what has to be fetched. `family` is "" for a model that is not here yet."""

    model_here: bool
    clip: str  # as settings will name it
    clip_name: str
    clip_here: bool
    family: str
    fetch_bytes: int  # about; 0 where nothing is missing, or where the size is not known
    why: str = ""  # why the model cannot be used, in a sentence


def needed(choices: Choices, settings: Settings) -> Needed:
    """Looks at the files that the choices need; loads nothing and asks nobody."""
    family, why, here = "", "", False
    try:
        family, here = locate(choices.model, home=settings.home).family, True
    except ExplorerError as error:
        why = "" if fetchable(choices.model) else str(error)
    known = choices.known
    family = family or (known.family if known else "")
    clip, name, clip_here, size = _clip(choices, family, settings)
    fetch = (0 if here or known is None else known.size_bytes) + (0 if clip_here else size)
    return Needed(here, clip, name, clip_here, family, fetch, why)


def fetchable(model: str) -> bool:
    """Whether this names a repository on the hub and no place on a disk."""
    return bool(HUB_ID.match(model)) and not model.startswith((".", "/", "~"))


def _clip(choices: Choices, family: str, settings: Settings) -> tuple[str, str, bool, int]:
    """(spec, name, whether it is here, bytes to fetch) of the CLIP that was chosen, or of the one that belongs."""
    known = CLIPS.get(choices.clip) if choices.clip else belongs_to(family)
    if known is None:
        spec = check_choice(choices.clip, settings.home)
        return spec, Path(spec).name, True, 0
    folder = known.folder(settings.home)
    return str(folder), known.name, is_clip(folder), known.size_bytes


def use(choices: Choices, settings: Settings, *, model: str, clip: str, collection: str) -> Settings:
    """The choices as the workspace's settings from now on; `model`, `clip` and `collection` as they are here."""
    chosen = replace(settings, model=model, clip=clip, collection=collection or "world",
                     controls=choices.controls, test_seeds=choices.seeds)
    save_settings(chosen)
    return chosen
