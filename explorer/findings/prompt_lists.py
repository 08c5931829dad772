"""Published lists of prompts: NeMo's CSV, Wen's JSONL, or plain text with one prompt a line.

Hintersdorf et al. 2024 (NeMo) publish a table separated by semicolons (Caption, URL, type VM or TM,
mean_sscd, max_sscd, Index); Wen et al. 2024 one JSON object a line (caption, index, url).
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from explorer.errors import ExplorerError

MOST_PROMPTS = 1_000_000
MOST_BYTES, MOST_ROWS = 8 << 20, 20_000  # of a table that a screen shows
KINDS = {"vm": "verbatim", "tm": "template", "rv": "retrieval verbatim"}
PLAIN = "plain text"


@dataclass(frozen=True)
class ListedPrompt:
    """A prompt of a list. `stratum` is what the list says of it ("VM" verbatim, "TM" template), or ""."""

    prompt: str
    stratum: str = ""
    url: str = ""
    index: str = ""
    sscd: float | None = None  # the list's own copy-detection similarity in [-1, 1], where it has one

    @property
    def kind(self) -> str:
        """The stratum in words, where it is one of NeMo's."""
        return KINDS.get(self.stratum.lower(), self.stratum)


@dataclass(frozen=True)
class PromptList:
    """Every line of a list in its order; `form` is "NeMo CSV", "JSON lines" or "plain text"."""

    rows: tuple[ListedPrompt, ...]
    form: str

    @property
    def prompts(self) -> tuple[ListedPrompt, ...]:
        """The different prompts, each as it stands first."""
        first: dict[str, ListedPrompt] = {}
        for one in self.rows:
            first.setdefault(one.prompt, one)
        return tuple(first.values())

    @property
    def distinct(self) -> int:
        """How many prompts differ by more than capitals."""
        return len({one.prompt.lower() for one in self.rows})

    @property
    def kinds(self) -> dict[str, int]:
        """How many lines are of each kind: verbatim and template prompts behave differently."""
        return dict(sorted(Counter(one.kind for one in self.rows).items()))


def read_list(data: bytes, *, name: str = "The list") -> PromptList:
    """The list in a file's bytes, told by its content. ExplorerError, naming the line, where it is damaged."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExplorerError("findings.lists_no_utf_8", name=name, start=error.start) from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ExplorerError("findings.lists_no_prompts", name=name)
    mark = max(";\t,", key=lines[0].count)
    if lines[0].lstrip().startswith("{"):
        form, found = "JSON lines", tuple(_json_lines(lines, name))
    elif "caption" in (part.strip().strip('"').lower() for part in lines[0].split(mark)):
        form, found = "NeMo CSV", tuple(_table(text, mark, name))
    else:
        form, found = PLAIN, tuple(ListedPrompt(line.strip()) for line in lines)
    if not found:
        raise ExplorerError("findings.lists_heading_no_prompts", name=name)
    if len(found) > MOST_PROMPTS:
        raise ExplorerError("findings.lists_prompts", name=name, different_count=len(found),
                            most_prompts=MOST_PROMPTS)
    return PromptList(found, form)


def read_table(data: bytes, *, name: str = "The list") -> PromptList:
    """The same of a list for a screen: no longer than it can show, and one that says what its columns are."""
    if len(data) > MOST_BYTES:
        raise ExplorerError("findings.lists_bytes", name=name, data_count=len(data), most_bytes=MOST_BYTES)
    found = read_list(data, name=name)
    if found.form == PLAIN:
        raise ExplorerError("findings.lists_no_column_called", name=name)
    if len(found.rows) > MOST_ROWS:
        raise ExplorerError("findings.lists_prompts", name=name, different_count=len(found.rows),
                            most_prompts=MOST_ROWS)
    return found


def _table(text: str, mark: str, name: str) -> Iterator[ListedPrompt]:
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        for row in rows:
            one = _prompt(row)
            if one is None:
                raise ExplorerError("findings.lists_no_caption_line", name=name, line_num=rows.line_num)
            yield one
    except csv.Error as error:
        raise ExplorerError("findings.lists_no_table", name=name, error=error) from error


def _json_lines(lines: list[str], name: str) -> Iterator[ListedPrompt]:
    for number, line in enumerate(lines, 1):
        try:
            one = _prompt(json.loads(line))
        except (ValueError, AttributeError, RecursionError):
            one = None
        if one is None:
            raise ExplorerError("findings.lists_no_caption_entry", name=name, number=number)
        yield one


def _prompt(row: Mapping[object, object]) -> ListedPrompt | None:
    given = {str(k).strip().lower(): str(v).strip() for k, v in row.items() if k is not None and v is not None}
    if not given.get("caption"):
        return None
    return ListedPrompt(given["caption"], given.get("type", ""), given.get("url", ""), given.get("index", ""),
                        _number(given.get("max_sscd", given.get("mean_sscd", ""))))


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
