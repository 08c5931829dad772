"""What a build keeps of a batch of pictures: embeddings, signatures and facts; done here or on other machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from explorer.collections.signatures import LENGTH, signature
from explorer.errors import ExplorerError
from explorer.images.decode import open_image
from explorer.images.prepare import fit_square
from explorer.run import Run


class Encodes(Protocol):
    """The part of a CLIP encoder that a build needs."""

    fingerprint: str
    name: str
    dim: int
    size_px: int

    def encode_images(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """(n, d) float32, L2-normalised."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32, L2-normalised."""
        ...


@dataclass(frozen=True, eq=False)
class Pictures:
    """A batch of picture files: `number` in its build, names for messages, bytes."""

    number: int
    names: tuple[str, ...]
    files: tuple[bytes, ...]


@dataclass(frozen=True, eq=False)
class Looked:
    """What was seen. `good` are positions in the batch; the arrays have a row for each of them.

    `images` (n, d) float32, L2-normalised; `marks` (n, 3072) uint8 signatures; `facts` (SHA-256 of the file,
    width, height) each. `refused` says of the other positions why.
    """

    good: tuple[int, ...]
    images: np.ndarray
    marks: np.ndarray
    facts: tuple[tuple[str, int, int], ...]
    refused: dict[int, str]


def look(encoder: Encodes, pictures: Pictures) -> Looked:
    """Opens, embeds and marks one batch; a bad file is refused, not fatal."""
    good, squares, marks, facts, refused = [], [], [], [], {}
    for place, (name, file) in enumerate(zip(pictures.names, pictures.files, strict=True)):
        try:
            picture = open_image(file, name=name)
        except ExplorerError as error:
            refused[place] = str(error)
            continue
        good.append(place)
        squares.append(fit_square(picture.rgb, encoder.size_px))
        marks.append(signature(picture.rgb))
        facts.append((picture.sha256, picture.width_px, picture.height_px))
    images = encoder.encode_images(squares) if good else np.empty((0, encoder.dim), np.float32)
    return Looked(tuple(good), images, np.array(marks, np.uint8).reshape(len(good), LENGTH), tuple(facts), refused)


class LooksHere:
    """Batches one after another in this process."""

    def __init__(self, encoder: Encodes) -> None:
        self.encoder = encoder

    def run(self, units: Iterable[Pictures], on_made: Callable[[Pictures, Looked], None], *, run: Run) -> None:
        """See explorer.run.Engine."""
        for pictures in units:
            on_made(pictures, look(self.encoder, pictures))
