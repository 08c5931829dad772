"""The emoji sets as their npm packages hold them: one drawing a name, with its words, licence and SVG.

The packages are the free sets of the Iconify project (`@iconify-json/...`); words come from Unicode's names
(Python's `unicodedata`, and the names that the sets themselves share) and from `emojilib`'s keywords.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import ExplorerError


@dataclass(frozen=True)
class Hand:
    """One artist: the package that holds the set, and how its works are credited."""

    package: str  # name and version for npm
    creator: str
    licence: str
    attribution: str
    share_alike: bool = False  # derived pictures may be merged with drawings of the same set only

    @property
    def key(self) -> str:
        """Name of the set in identifiers: the package's own, without scope and version."""
        return self.package.rsplit("/", 1)[-1].split("@")[0]


HANDS = (
    Hand("@iconify-json/twemoji@1.2.5", "Twemoji", "CC-BY-4.0",
         "Twemoji, Copyright Twitter, Inc and other contributors, CC-BY 4.0"),
    Hand("@iconify-json/noto@1.2.9", "Noto Emoji", "Apache-2.0", "Noto Emoji, Copyright Google Inc, Apache-2.0"),
    Hand("@iconify-json/openmoji@1.2.29", "OpenMoji", "CC-BY-SA-4.0", "OpenMoji, openmoji.org, CC BY-SA 4.0", True),
    Hand("@iconify-json/fluent-emoji-flat@1.2.6", "Fluent Emoji", "MIT",
         "Fluent Emoji, Copyright Microsoft Corporation, MIT"),
    Hand("@iconify-json/emojione@1.2.3", "EmojiOne Two", "CC-BY-4.0",
         "Emoji One (version 2), JoyPixels, CC BY 4.0"),
    Hand("@iconify-json/emojione-v1@1.2.3", "EmojiOne One", "CC-BY-SA-4.0",
         "Emoji One (version 1), JoyPixels, CC BY-SA 4.0", True),
    Hand("@iconify-json/fxemoji@1.2.2", "FxEmoji", "Apache-2.0", "FxEmojis, Copyright Mozilla, Apache-2.0"),
    Hand("@iconify-json/noto-v1@1.2.5", "Noto Blobs", "Apache-2.0",
         "Noto Emoji (version 1), Copyright Google Inc, Apache-2.0"),
)
KEYWORDS = "emojilib@4.0.3"  # MIT
TONES = re.compile(r"(^|-)(light|medium|medium-light|medium-dark|dark)(-skin-tone)?(-|$)|-tone[1-5]|skin-tone")
FLAG = re.compile(r"^(flag-for-flag-|flag-for-|flag-|flagof)")
FLAGS_KEPT = 40  # flags differ little between hands: the same ones of every set, chosen by their names' hashes
MAX_KEYWORDS = 4


@dataclass(frozen=True)
class Drawing:
    """One drawing of a set: a concept by a hand."""

    hand: Hand
    name: str  # in the package
    concept: str  # equal for every hand that draws the same thing
    title: str
    keywords: tuple[str, ...]
    svg: str

    @property
    def id(self) -> str:
        """Name of the work that stays the same over draws."""
        return f"{self.hand.key}-{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"


def fetch(folder: Path) -> None:
    """Gets every package with `npm pack` and unpacks it below `folder`; what is there is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in (*(h.package for h in HANDS), KEYWORDS):
        target = folder / package.rsplit("/", 1)[-1].split("@")[0]
        if not target.is_dir():
            _unpack(_pack(package, folder), target)


def _pack(package: str, folder: Path) -> Path:
    try:
        done = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, capture_output=True, text=True,
                              timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExplorerError("world_build.sets_emoji_come_npm", folder=folder) from error
    if done.returncode:
        raise ExplorerError("world_build.sets_npm_not_get", package=package)
    return folder / done.stdout.strip().splitlines()[-1]


def _unpack(archive: Path, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    with tarfile.open(archive) as tar:
        tar.extractall(part, filter="data")
    (part / "package").rename(target)
    part.rmdir()


def read_sets(folder: Path) -> list[Drawing]:
    """Every drawing of every hand without skin tones and with a share of the flags, in a fixed order."""
    names = Names(folder)
    return [d for hand in HANDS for d in read_set(folder, hand, names)]


def read_set(folder: Path, hand: Hand, names: Names) -> list[Drawing]:
    """The drawings of one hand, by name."""
    data, categories = _json(folder / hand.key / "icons.json"), _categories(folder / hand.key)
    others: dict[str, list[str]] = {}
    for alias, about in data.get("aliases", {}).items():
        others.setdefault(about["parent"], []).append(alias)
    plain = [n for n in sorted(data["icons"]) if not _toned(n, data["icons"]) and n not in _hidden(data)]
    codes = {n: names.code(hand, n, others.get(n, [])) for n in plain}
    found = []
    for name in plain:
        concept = codes[name] or re.sub(r"[^a-z0-9]", "", name)
        if FLAG.match(name) and not _flag_kept(name):
            continue
        title = names.title(codes[name], name)
        keywords = names.keywords(codes[name], title, categories.get(name, ""))
        found.append(Drawing(hand, name, concept, title, keywords, whole_svg(data, name)))
    return found


def whole_svg(data: dict, name: str) -> str:
    """The SVG of one icon of an Iconify set."""
    icon = data["icons"][name]
    left, top = icon.get("left", data.get("left", 0)), icon.get("top", data.get("top", 0))
    width, height = (icon.get(side, data.get(side, 16)) for side in ("width", "height"))
    return ('<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{left} {top} {width} {height}" width="{width}" height="{height}">{icon["body"]}</svg>')


def _toned(name: str, icons: dict) -> bool:
    """Whether a name is another's with a skin tone."""
    match = TONES.search(name)
    if not match:
        return False
    plain = re.sub(r"-(light|medium|medium-light|medium-dark|dark)(?=-|$)|-tone[1-5]|-skin-tone", "", name)
    return "-tone" in name or (plain != name and plain in icons)


def _hidden(data: dict) -> set[str]:
    return {n for n, icon in data["icons"].items() if icon.get("hidden")}


def _flag_kept(name: str) -> bool:
    place = FLAG.sub("", name)
    return int(hashlib.sha256(place.encode()).hexdigest(), 16) % 270 < FLAGS_KEPT


def _json(path: Path) -> dict:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ExplorerError("world_build.sets_cannot_read", path=path, error=error) from error


def _categories(folder: Path) -> dict[str, str]:
    path = folder / "metadata.json"
    groups = _json(path).get("categories", {}) if path.exists() else {}
    return {name: group.lower().replace(" & ", " ") for group, names in groups.items() for name in names}


class Names:
    """What a drawing shows, whatever name its set gives it: code points, title, keywords."""

    def __init__(self, folder: Path):
        self.of_code: dict[str, str] = {}  # the first set's name of each code sequence
        self.of_set: dict[str, dict[str, str]] = {}
        self.code_of: dict[str, str] = {}
        for hand in HANDS:
            path = folder / hand.key / "chars.json"
            chars = _json(path) if path.exists() else {}
            own = self.of_set[hand.key] = {}
            for code, name in chars.items():
                code = _code(code)
                own.setdefault(name, code)
                self.of_code.setdefault(code, name)
                self.code_of.setdefault(_key(name), code)
        for point in range(0x2000, 0x1FB00):
            if name := unicodedata.name(chr(point), ""):
                self.code_of.setdefault(_key(name), f"{point:x}")
        words = {w for name in self.of_code.values() for w in name.split("-")}
        words |= {w.lower() for p in range(0x2000, 0x1FB00) for w in unicodedata.name(chr(p), "").split()}
        self.words = {w for w in words if len(w) > 2} | {"of", "at", "in", "on", "up", "no", "ok", "id", "tv"}
        self.library = {_points(emoji): [k.replace("_", " ") for k in keywords]
                        for emoji, keywords in _json(folder / "emojilib" / "dist" / "emoji-en-US.json").items()}

    def code(self, hand: Hand, name: str, aliases: list[str]) -> str:
        """Code points of a drawing in hex, joined by "-"; "" where it has none."""
        own = self.of_set[hand.key]
        for n in (name, *aliases):
            if n in own:
                return own[n]
        return next((self.code_of[_key(n)] for n in (name, *aliases) if _key(n) in self.code_of), "")

    def title(self, code: str, name: str) -> str:
        """Title in plain words: the name that the sets share, else the drawing's own, split into words."""
        name = FLAG.sub("flag-", self.of_code.get(code, name))
        return " ".join(w for part in name.split("-") for w in self.split(part))

    def split(self, run: str) -> list[str]:
        """The fewest known words that a run of letters consists of; the run itself where there are none."""
        if run in self.words or len(run) < 4:
            return [run]
        best: list[list[str] | None] = [[]] + [None] * len(run)
        for end in range(1, len(run) + 1):
            for start in range(max(0, end - 20), end):
                before, word = best[start], run[start:end]
                known = word in self.words or (word.isdigit() and (end == len(run) or not run[end].isdigit()))
                if before is not None and known and (best[end] is None or len(before) + 1 < len(best[end])):
                    best[end] = [*before, word]
        return best[-1] or [run]

    def keywords(self, code: str, title: str, category: str) -> tuple[str, ...]:
        """The set's category and a few words of `emojilib`, none of which the title says."""
        said = {title, *title.split()}
        found = [category] if category and not category.startswith("extras") else []
        found += [k for k in self.library.get(code, []) if k.isascii() and k.replace(" ", "").isalpha()]
        return tuple(k for k in dict.fromkeys(found) if k not in said)[:MAX_KEYWORDS]


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _code(code: str) -> str:
    return "-".join(p for p in code.split("-") if p != "fe0f")


def _points(emoji: str) -> str:
    return "-".join(f"{ord(c):x}" for c in emoji if c != "\ufe0f")
