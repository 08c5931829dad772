"""Words that a person gives with a picture: its title or caption, typed or in a text file beside it."""

from __future__ import annotations

from pathlib import Path

from explorer.folders import is_plain
from explorer.images.settings.a1111 import from_text
from explorer.images.settings.encodings import decoded

MOST_BYTES = 2 ** 16  # of a text file that are read
MOST = 500  # characters; CLIP reads about 77 tokens of them


def one_line(text: str) -> str:
    """The words as one line without control characters, cut after 500 characters; "" where there are none."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MOST].rstrip()


def _words(text: str) -> str:
    """The words of a caption file; of a generator's settings, which some leave beside a picture, the prompt."""
    settings = from_text(text)
    return text if settings is None else settings.prompt


def beside(picture: Path) -> str:
    """The words in the text file of a picture's name; "" without such a file, and where it is a link or pipe."""
    words = picture.with_suffix(".txt")
    if not is_plain(words):
        return ""
    try:
        with words.open("rb") as file:
            return one_line(_words(decoded(file.read(MOST_BYTES))))
    except OSError:
        return ""
