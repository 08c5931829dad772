"""Pictures of remote results: fetched only when asked for, within limits, never stored."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from explorer.collections.net import FetchPolicy, Refused, Unreachable, fetch
from explorer.errors import ExplorerError
from explorer.images.decode import open_image, png_bytes
from explorer.texts import say

SIDE_PX = 256
TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff", "image/avif")
AT_ONCE = 4


@dataclass(frozen=True)
class Thumbnail:
    """A remote picture. `state`: "ok", "dead" (the link leads nowhere) or "refused" (`reason` says why)."""

    url: str
    state: str
    reason: str = ""
    png: bytes = field(default=b"", repr=False)


def fetch_thumbnail(url: str, *, offline: bool = True) -> Thumbnail:
    """Fetch one picture over the network, from a public address only: 8 MB, 10 s, 3 redirects at most."""
    try:
        answer = fetch(url, policy=FetchPolicy(offline=offline, types=TYPES))
        if answer.status >= 400:
            return Thumbnail(url, "dead", say("note.collections.server_answered", status=answer.status))
        return Thumbnail(url, "ok", png=png_bytes(shrink(open_image(answer.body, name="The picture").rgb)))
    except Unreachable as error:
        return Thumbnail(url, "dead", str(error))
    except (Refused, ExplorerError) as error:
        return Thumbnail(url, "refused", str(error))


def fetch_thumbnails(urls: Iterable[str], *, offline: bool = True) -> Iterator[Thumbnail]:
    """Several pictures, in the order asked for, a few at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda url: fetch_thumbnail(url, offline=offline), urls)


def blurred(png: bytes) -> bytes:
    """A thumbnail's PNG with nothing but its colours left to see."""
    with Image.open(io.BytesIO(png)) as image:
        small = image.convert("RGB").resize((6, 6), Image.Resampling.BOX)
        return png_bytes(np.asarray(small.resize(image.size, Image.Resampling.BICUBIC)))


def shrink(rgb: np.ndarray, side_px: int = SIDE_PX) -> np.ndarray:
    """(h, w, 3) uint8 whose longer side is at most `side_px`."""
    image = Image.fromarray(rgb)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    return np.asarray(image)
