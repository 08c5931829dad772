"""Read title, creator, keywords and licence from an SVG's RDF, and clean them."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.errors import ExplorerError

DC = "{http://purl.org/dc/elements/1.1/}"
PUBLIC_DOMAIN = re.compile(r"creativecommons\.org/licenses/publicdomain|web\.resource\.org/cc/PublicDomain")
MAX_SVG_BYTES = 8_000_000
MAX_KEYWORDS = 8
# Folders and titles that hold sets drawn to one pattern rather than works.
SET_FOLDERS = re.compile(
    r"^(shapes|special|buttons)/|/buttons/|-theme/|/led/|/map_symbols/|/aiga-symbols/"
    r"|/games/cards/(simple|bordered|ornamental|white)"
)
SET_TITLES = re.compile(
    r"icon collection|etiquette icons|theme$|iconset|gradient|^aiga|gramastar|^card$|jigsaw", re.I
)
SET_KEYWORDS = {"theme", "lemon_theme_icon", "jigsaw", "pattern", "gradients"}
NOT_KEYWORDS = {"hash", "unsorted", "clipart", "clip art", "svg", ""}
ADDRESS = re.compile(r"^hash\(0x[0-9a-f]+\)$", re.I)  # the package's own scripts left these
EMAIL = re.compile(r"[(<\[]?\s*(mailto:|email:\s*)?[\w.+-]+@[\w-]+(\.[\w-]+)+\s*[)>\]]?", re.I)
SPELT_EMAIL = re.compile(r"^\w+AT\w+DOT\w+$")


@dataclass(frozen=True)
class Metadata:
    """What an SVG says of itself; `source` is its path below the package's svg folder."""

    source: str
    title: str
    creator: str
    keywords: tuple[str, ...]
    licence: str


def read_metadata(path: Path, source: str) -> Metadata | None:
    """Read one SVG's RDF; None where the file is oversized, has a DTD entity or is not XML."""
    data = path.read_bytes()
    if len(data) > MAX_SVG_BYTES or b"<!ENTITY" in data:
        return None
    try:
        root = ET.fromstring(data)
    except ET.ParseError:
        return None
    work = next((e for e in root.iter() if _local(e) == "Work"), None)
    if work is None:
        return None
    title = next((e.text or "" for e in work if e.tag == DC + "title"), "")
    keywords = [w for e in work.iter(DC + "subject") for w in _texts(e)]
    licence = next(
        (v for e in root.iter() if _local(e) == "license" for v in e.attrib.values() if v), ""
    )
    creator = _texts_first(work, "creator")
    return Metadata(source, clean(title), clean_creator(creator), _keywords(keywords), licence)


def read_package(source_root: Path) -> list[Metadata]:
    """Read every SVG below `source_root`/svg; links are repeats and are left out."""
    svg = source_root / "svg"
    if not svg.is_dir() or not (source_root / "png").is_dir():
        raise ExplorerError("world.svg_metadata_no_open_clip", source_root=source_root)
    paths = sorted(p for p in svg.rglob("*.svg") if not p.is_symlink())
    found = [read_metadata(p, p.relative_to(svg).as_posix()) for p in paths]
    return _name_works([m for m in found if m is not None])


def is_work(meta: Metadata) -> bool:
    """Whether a file is a public-domain work by a named creator, not a piece of a set."""
    return bool(
        PUBLIC_DOMAIN.search(meta.licence)
        and meta.creator
        and meta.title
        and not SET_FOLDERS.search(meta.source)
        and not SET_TITLES.search(meta.title)
        and not SET_KEYWORDS & set(meta.keywords)
    )


def presentable(meta: Metadata) -> Metadata:
    """Leave out memory addresses that the package's scripts wrote in place of words.

    Done after the draw, which groups works by their captions as packaged.
    """
    creator = "unknown" if ADDRESS.match(meta.creator) else meta.creator
    keywords = tuple(k for k in meta.keywords if not ADDRESS.match(k))
    return replace(meta, creator=creator, keywords=keywords)


def caption(title: str, creator: str, keywords: tuple[str, ...]) -> str:
    """Caption of a work: title, creator, keywords."""
    said = {title.lower()}
    rest = [k for k in keywords if k.lower() not in said]
    return ", ".join([title, f"by {creator}", *rest])


def clean(text: str) -> str:
    """Undo HTML entities and UTF-8 read as Latin-1, drop e-mail addresses, tidy spaces."""
    text = html.unescape(html.unescape(text))
    for codec in ("latin-1", "cp1252"):
        try:
            text = text.encode(codec).decode("utf-8")
            break
        except UnicodeError:
            continue
    text = EMAIL.sub(" ", text)
    text = "".join(c if c.isprintable() else " " for c in text).replace("_", " ")
    text = re.sub(r"^clip ?art by [^-]+ - ", "", text, flags=re.I)
    return re.sub(r"\s+", " ", text).strip(" -|,;:")


def clean_creator(text: str) -> str:
    """Clean a creator's name; a bare address keeps the part before the @."""
    name = clean(text)
    if not name and "@" in text:
        name = text.replace("mailto:", "").split("@")[0].strip(" <([")
    if SPELT_EMAIL.match(name):
        name = name.split("AT")[0]
    name = re.sub(r"\(based on.*|\(public domain.*|,? ?https?://.*|<.*", "", name, flags=re.I)
    return name.strip(" .,-")


def _name_works(works: list[Metadata]) -> list[Metadata]:
    """Name by file those works whose title is empty or shared by three of one creator."""
    shared = Counter((m.creator, m.title.lower()) for m in works)
    return [
        replace(m, title=file_title(m.source, m.creator))
        if not m.title or (shared[m.creator, m.title.lower()] >= 3 and not SET_TITLES.search(m.title))
        else m
        for m in works
    ]


def file_title(source: str, creator: str) -> str:
    """Words of a file's name without the creator's name and the running number at its end."""
    words = re.split(r"[_\s-]+", Path(source).stem)
    names = {w.lower() for w in re.split(r"\W+", creator) if w}
    while len(words) > 1 and (
        not words[-1] or (words[-1].isdigit() and len(words[-1]) == 2) or _starts(words[-1], names)
    ):
        words.pop()
    return " ".join(w for w in words if w)


def _starts(word: str, names: set[str]) -> bool:
    """Whether `word` is the beginning of one of the names (the package cuts file names)."""
    return any(name.startswith(word.lower()) for name in names)


def _keywords(raw: list[str]) -> tuple[str, ...]:
    words = [clean(part).lower() for text in raw for part in re.split(r"[,;]", text)]
    kept = [
        w for w in dict.fromkeys(words) if w not in NOT_KEYWORDS and len(w) <= 40 and "://" not in w
    ]
    return tuple(kept[:MAX_KEYWORDS])


def _local(element: ET.Element) -> str:
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def _texts(element: ET.Element) -> list[str]:
    return [t.strip() for t in element.itertext() if t.strip()]


def _texts_first(work: ET.Element, name: str) -> str:
    return next((t for e in work.iter(DC + name) for t in _texts(e)), "")
