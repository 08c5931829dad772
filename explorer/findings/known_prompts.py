"""Published lists of prompts that a model is known to have memorised: NeMo's CSV and Wen's JSONL.

Hintersdorf et al. 2024 (NeMo) publish a table separated by semicolons (Caption, URL, type VM or TM,
mean_sscd, max_sscd, Index); Wen et al. 2024 one JSON object a line (caption, index, url).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from explorer.errors import ExplorerError

MOST_BYTES = 8 << 20
MOST_ROWS = 20_000
MOST_LETTERS = 2_000
KINDS = {"vm": "verbatim", "tm": "template", "rv": "retrieval verbatim"}


@dataclass(frozen=True)
class KnownPrompt:
    """One prompt of a list. `sscd` is the list's own copy-detection similarity in [-1, 1], where it has one."""

    caption: str
    url: str = ""
    kind: str = ""  # "verbatim", "template", "retrieval verbatim", or what the list says
    index: str = ""
    sscd: float | None = None


@dataclass(frozen=True)
class Strata:
    """How many prompts a list has, how many of them differ, and how many are of each kind."""

    prompts: int
    distinct: int
    kinds: tuple[tuple[str, int], ...]  # "" where the list does not say


def read_list(data: bytes, *, name: str = "") -> list[KnownPrompt]:
    """The prompts of a CSV or JSONL file, in its order; ExplorerError where it is neither or has none."""
    if len(data) > MOST_BYTES:
        raise ExplorerError("findings.known_prompts_bytes", name=name or "The list", data_count=len(data),
                            most_bytes=MOST_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExplorerError("findings.known_prompts_not_text_utf", name=name or "The list") from error
    rows = _json_rows(text, name) if text.lstrip().startswith("{") else _csv_rows(text)
    found = [prompt for row in rows if (prompt := _prompt(row)) is not None]
    if not found:
        raise ExplorerError("findings.known_prompts_no_column_called", name=name or "The list")
    if len(found) > MOST_ROWS:
        raise ExplorerError("findings.known_prompts_prompts", name=name or "The list", found_count=len(found),
                            most_rows=MOST_ROWS)
    return found


def strata(prompts: Sequence[KnownPrompt]) -> Strata:
    """Counts by kind: verbatim and template prompts behave differently and are reported apart."""
    kinds = sorted({p.kind for p in prompts})
    return Strata(len(prompts), len({p.caption.strip().lower() for p in prompts}),
                  tuple((kind, sum(p.kind == kind for p in prompts)) for kind in kinds))


def _csv_rows(text: str) -> Iterator[Mapping[str, str]]:
    head = text.split("\n", 1)[0]
    mark = max(";\t,", key=head.count)
    try:
        yield from csv.DictReader(io.StringIO(text), delimiter=mark)
    except csv.Error as error:
        raise ExplorerError("findings.known_prompts_list_cannot_read", error=error) from error


def _json_rows(text: str, name: str) -> Iterator[Mapping[str, object]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ExplorerError("findings.known_prompts_line_not_json", number=number, name=name or "the list",
                                error=error) from error
        if isinstance(row, dict):
            yield row


def _prompt(row: Mapping[object, object]) -> KnownPrompt | None:
    given = {str(k).strip().lower(): str(v).strip() for k, v in row.items() if k is not None and v is not None}
    caption = given.get("caption") or given.get("prompt") or ""
    if not caption:
        return None
    kind = given.get("type", given.get("kind", ""))
    return KnownPrompt(caption[:MOST_LETTERS], given.get("url", ""), KINDS.get(kind.lower(), kind),
                       given.get("index", ""), _number(given.get("max_sscd", given.get("mean_sscd", ""))))


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
