"""Published lists of prompts: NeMo's CSV, Wen's JSONL, or plain text with one prompt a line."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass

from explorer.errors import ExplorerError

MOST_PROMPTS = 1_000_000


@dataclass(frozen=True)
class ListedPrompt:
    """A prompt of a list; `stratum` is what the list says of it ("VM" verbatim, "TM" template), or ""."""

    prompt: str
    stratum: str = ""
    url: str = ""


@dataclass(frozen=True)
class PromptList:
    """The different prompts of a list in its order, and how many lines repeated one."""

    prompts: tuple[ListedPrompt, ...]
    kind: str  # "NeMo CSV" | "JSON lines" | "plain text"
    repeated: int

    @property
    def strata(self) -> dict[str, int]:
        """How many prompts each stratum has."""
        return dict(Counter(p.stratum for p in self.prompts))


def read_list(data: bytes, *, name: str = "The list") -> PromptList:
    """The list in a file's bytes, told by its content. ExplorerError, naming the line, where it is damaged."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExplorerError(f"{name} is no UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ExplorerError(f"{name} has no prompts. Give a list with one prompt a line, NeMo's CSV or JSON lines.")
    if lines[0].lstrip().startswith("{"):
        kind, found = "JSON lines", _json_lines(lines, name)
    elif "caption" in (part.strip().strip('"').lower() for part in lines[0].split(";")):
        kind, found = "NeMo CSV", _table(text, name)
    else:
        kind, found = "plain text", [ListedPrompt(line.strip()) for line in lines]
    different = {one.prompt: one for one in reversed(found)}
    if len(different) > MOST_PROMPTS:
        raise ExplorerError(f"{name} has {len(different):,} prompts; at most {MOST_PROMPTS:,} are read. Split it.")
    ordered = tuple(different[p] for p in dict.fromkeys(one.prompt for one in found))
    return PromptList(ordered, kind, len(found) - len(ordered))


def _table(text: str, name: str) -> list[ListedPrompt]:
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";")
    rows.fieldnames = [field.strip().lower() for field in rows.fieldnames or ()]
    found = []
    for row in rows:
        prompt = (row.get("caption") or "").strip()
        if not prompt:
            raise ExplorerError(f"{name} has no caption in line {rows.line_num}. Mend that line.")
        found.append(ListedPrompt(prompt, (row.get("type") or "").strip(), (row.get("url") or "").strip()))
    if not found:
        raise ExplorerError(f"{name} has a heading and no prompts below it.")
    return found


def _json_lines(lines: list[str], name: str) -> list[ListedPrompt]:
    found = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            prompt = row["caption"].strip()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ExplorerError(f"{name} has no caption in its entry {number}. Each line must be an object with "
                                "\"caption\".") from error
        if prompt:
            found.append(ListedPrompt(prompt, str(row.get("type") or ""), str(row.get("url") or "")))
    return found
