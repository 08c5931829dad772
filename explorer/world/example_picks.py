"""Works of a world to try first: picked by rule from its manifest, kept as a small JSON for the screens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from explorer.errors import ExplorerError

FILE_NAME = "examples.json"
DRAWN_BYTES = 2600  # of a display copy with something to see and not too much of it
# Chosen by eye, each used only while the draw lets it fit its story: a duck and an owl by one artist, a
# lemon, a fish, a lion, tulips, an apple like another one that was trained on, a fruit tree.
LIKED = ("oca-e46b6215", "oca-8900d397", "oca-f0b99bd6", "oca-13c67923", "oca-06b81162", "oca-2480ce49",
         "oca-0091affd", "oca-13e8fcba")
STORIES = ("copied", "held_out", "copied_less", "captions", "few", "once", "stranger", "control")


@dataclass(frozen=True)
class Example:
    """One work with the reason why it is worth trying; `image` is relative to the world's folder."""

    id: str
    story: str  # one of STORIES
    title: str
    creator: str
    caption: str
    image: str
    split: str
    multiplicity: int

    def picture(self, root: Path) -> bytes:
        """The display copy's bytes; ExplorerError where it is missing."""
        try:
            return (root / self.image).read_bytes()
        except OSError as error:
            raise ExplorerError("world.example_picks_no_picture", title=self.title, image=self.image) from error


def pick(rows: Iterable[Mapping], *, liked: Iterable[str] = ()) -> list[Example]:
    """One work a story from a manifest's rows; ids in `liked` come first where they fit the story.

    Otherwise the work whose display copy is nearest to DRAWN_BYTES is taken, then the smaller id.
    """
    rows, first = list(rows), set(liked)
    found: dict[str, Mapping] = {}

    def take(story: str, fits: Callable[[Mapping], bool]) -> None:
        wanted = [r for r in rows if r["creator"] and r["title"] and fits(r)
                  and r["id"] not in {f["id"] for f in found.values()}]
        wanted.sort(key=lambda r: (r["id"] not in first, abs(r["complexity_bytes"] - DRAWN_BYTES), r["id"]))
        if wanted:
            found[story] = wanted[0]

    most = max((r["multiplicity"] for r in rows), default=0)
    trained = {r["creator"] for r in rows if r["split"] == "train" and r["multiplicity"] == most}
    unseen = ("test", "reserve", "control")
    take("copied", lambda r: r["multiplicity"] == most > 0 and r["variant"] == "same")
    artist = found["copied"]["creator"] if "copied" in found else ""
    take("held_out", lambda r: r["split"] in unseen and r["creator"] == artist)
    if "held_out" not in found:
        take("held_out", lambda r: r["split"] in unseen and r["creator"] in trained)
    take("copied_less", lambda r: 16 < r["multiplicity"] < most and r["variant"] == "same")
    take("captions", lambda r: r["variant"] == "captions")
    take("few", lambda r: 1 < r["multiplicity"] <= 16)
    take("once", lambda r: r["multiplicity"] == 1)
    take("stranger", lambda r: r["split"] == "stranger")
    take("control", lambda r: r["split"] == "control" and r["creator"] not in trained)
    return [_example(story, row) for story, row in found.items()]


def _example(story: str, row: Mapping) -> Example:
    return Example(row["id"], story, row["title"], row["creator"], row["caption"], row["image"],
                   row["split"], int(row["multiplicity"]))


def derive_examples(root: Path, *, fingerprint: str = "", liked: Iterable[str] = LIKED) -> list[Example]:
    """Writes examples.json beside the manifest of the world at `root`, naming the world's fingerprint."""
    import pyarrow.parquet as pq
    examples = pick(pq.read_table(root / "manifest.parquet").to_pylist(), liked=liked)
    value = {"world": fingerprint, "examples": [asdict(e) for e in examples]}
    (root / FILE_NAME).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return examples


def read_examples(root: Path) -> list[Example]:
    """The examples of the world at `root`; none where its file is missing. ExplorerError if damaged."""
    path = root / FILE_NAME
    if not path.is_file():
        return []
    try:
        return [Example(**e) for e in json.loads(path.read_text("utf-8"))["examples"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ExplorerError("world.example_picks_damaged_run_python", path_name=path.name, error=error) from error
