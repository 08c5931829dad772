"""Term lists for interrogation: those of the clip-interrogator package, a collection's, and one's own.

The package is a dependency and its lists are read where it is installed; importing it would load torch
and take some twenty seconds, so its files are found without importing it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import ExplorerError
from explorer.texts import say

MAX_CHARACTERS = 400  # a longer term does not fit 75 tokens of ordinary text, and tokenising it is slow
ROLES = ("artist", "flavor", "medium", "movement", "trending", "negative")


@dataclass(frozen=True)
class TermList:
    """Distinct, cleaned terms of one kind. `role` is the place they take in a classic prompt."""

    name: str
    role: str
    terms: tuple[str, ...]
    notes: tuple[str, ...] = ()  # what was left out and why

    @property
    def sha256(self) -> str:
        """Hash of the terms in their order; names the cached embeddings."""
        return hashlib.sha256("\n".join(self.terms).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.terms)


def term_list(name: str, role: str, raw: Iterable[str]) -> TermList:
    """`raw` cleaned: white space made single, empty, repeated (up to case) and overlong terms left out."""
    if role not in ROLES:
        raise ValueError(f"role must be one of {ROLES}, not {role!r}")
    seen: set[str] = set()
    kept, repeated, long = [], 0, 0
    for term in raw:
        clean = " ".join(term.split()).strip(" ,")
        key = clean.casefold()
        if not clean:
            continue
        if len(clean) > MAX_CHARACTERS:
            long += 1
        elif key in seen:
            repeated += 1
        else:
            seen.add(key)
            kept.append(clean)
    notes = [f"{name}: {n} {what}" for n, what in (
        (repeated, say("note.clip.repeated_terms_counted")),
        (long, say("note.clip.terms_longer_than", max_characters=MAX_CHARACTERS))) if n]
    return TermList(name, role, tuple(kept), tuple(notes))


def own_list(lines: Sequence[str]) -> TermList:
    """The person's own terms, one a line."""
    return term_list("own", "flavor", (part for line in lines for part in line.splitlines()))


def collection_lists(*, creators: Iterable[str] = (), titles: Iterable[str] = (),
                     keywords: Iterable[str] = ()) -> tuple[TermList, ...]:
    """A collection's terms: creators (as "by X"), titles, keywords; empty lists are left out."""
    made = (term_list("creators", "artist", (f"by {c.strip()}" for c in creators if c.strip())),
            term_list("titles", "flavor", titles), term_list("keywords", "flavor", keywords))
    return tuple(made_list for made_list in made if len(made_list))


def shipped_lists() -> tuple[TermList, ...]:
    """The clip-interrogator package's lists: artists, flavors, mediums, movements, trending, negative.

    Without the negative list they hold 111,866 labels, kept as they are (a few flavors repeat).
    Raises ExplorerError when the package or a file of it is missing.
    """
    folder = _package_folder()
    artists = _lines(folder, "artists.txt")
    sites = _sites(folder / "clip_interrogator.py")
    trending = [*sites, *(f"trending on {s}" for s in sites), *(f"featured on {s}" for s in sites),
                *(f"{s} contest winner" for s in sites)]
    by = (*(f"by {a}" for a in artists), *(f"inspired by {a}" for a in artists))
    return (TermList("artists", "artist", by),
            TermList("flavors", "flavor", _lines(folder, "flavors.txt")),
            TermList("mediums", "medium", _lines(folder, "mediums.txt")),
            TermList("movements", "movement", _lines(folder, "movements.txt")),
            TermList("trending", "trending", tuple(trending)),
            TermList("negative", "negative", _lines(folder, "negative.txt")))


def choose_lists(names: Sequence[str], *, collection: Mapping[str, Iterable[str]] | None = None,
                 own: Sequence[str] = ()) -> tuple[TermList, ...]:
    """The lists that a task names: "collection", "shipped" (all of the package's), or one list's own name.

    `collection` maps "creators", "titles" and "keywords" to strings. Raises ExplorerError for unknown
    names and when nothing is left to choose from.
    """
    from_collection = collection_lists(**{k: tuple(v) for k, v in (collection or {}).items()
                                          if k in ("creators", "titles", "keywords")})
    shipped = {t.name: t for t in shipped_lists()} if set(names) - {"collection"} else {}
    chosen: list[TermList] = []
    for name in names:
        if name == "collection":
            chosen.extend(from_collection)
        elif name == "shipped":
            chosen.extend(shipped.values())
        elif name in shipped:
            chosen.append(shipped[name])
        else:
            raise ExplorerError("clip.terms_no_list", name=name, shipped=", ".join(shipped))
    mine = own_list(own)
    chosen = list(dict.fromkeys([*chosen, *([mine] if len(mine) else [])]))
    if not any(len(t) for t in chosen):
        raise ExplorerError("clip.terms_no_build_prompt")
    return tuple(chosen)


def has_phrase(text: str, phrase: str) -> bool:
    """Whether `phrase` stands in `text` as whole words, in any case."""
    words = phrase.casefold().strip()
    return bool(words) and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text.casefold()) is not None


def _package_folder() -> Path:
    spec = importlib.util.find_spec("clip_interrogator")  # finds, does not import
    if spec is None or not spec.submodule_search_locations:
        raise ExplorerError("clip.terms_lists_missing")
    return Path(next(iter(spec.submodule_search_locations)))


def _lines(folder: Path, name: str) -> tuple[str, ...]:
    try:
        text = (folder / "data" / name).read_text("utf-8", errors="replace")
    except OSError as error:
        raise ExplorerError("clip.terms_list_clip_interrogator", name=name, strerror=error.strerror) from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _sites(source: Path) -> tuple[str, ...]:
    """The sites of the trending list: a literal in the package's code, read without running it."""
    try:
        tree = ast.parse(source.read_text("utf-8"))
        found = next(node.value for node in ast.walk(tree) if isinstance(node, ast.Assign)
                     and any(isinstance(t, ast.Name) and t.id == "sites" for t in node.targets))
        return tuple(str(s) for s in ast.literal_eval(found))
    except (OSError, ValueError, SyntaxError, StopIteration) as error:
        raise ExplorerError("clip.terms_trending_clip_interrogator") from error
