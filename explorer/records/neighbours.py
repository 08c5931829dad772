"""Works of a collection beside a subject."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Neighbour:
    """A work of a collection with its similarity to the query (cosine in [-1, 1])."""

    subject_id: str  # "" for a text query
    rank: int  # from 1
    collection: str
    work_id: str
    similarity: float
    title: str = ""
    creator: str = ""
    licence: str = ""
    caption: str = ""
    keywords: str = ""
    source: str = ""  # page or package path of the original
    image_path: str = ""  # absolute path of a local picture; "" for a remote work
    multiplicity: int | None = None
    percentile: float | None = None  # share of unrelated pairs that are less similar, in [0, 100]
    closeness: dict[str, float] = field(default_factory=dict)  # of its picture, once compared: score -> value


@dataclass(frozen=True)
class CopyCheck:
    """What the check at the door found: the work of a collection most like a subject's picture.

    `is_near_copy` says that the likeness reaches `limit`; false is not "original". `compared` is how many
    works' pictures could be looked at; with none, nothing is known. Rates were measured on the bundled
    collection; None where they do not fit it any more.
    """

    subject_id: str
    collection: str
    is_near_copy: bool
    compared: int
    limit: float
    work_id: str = ""
    title: str = ""
    creator: str = ""
    image_path: str = ""
    likeness: float = 0.0  # of signatures, in [-1, 1]
    bits: int = 64  # perceptual hash distance, 0 to 64
    cosine: float | None = None  # CLIP, in [-1, 1]
    by: str = ""  # which way proposed the work: "hash" | "embedding" | "both"
    copies: int | None = None  # near copies of the picture that were found: its multiplicity in the collection
    note: str = ""
    found_rate: float | None = None  # share of planted near copies that are flagged, in [0, 1]
    false_rate: float | None = None  # share of works outside the collection that are flagged, in [0, 1]
