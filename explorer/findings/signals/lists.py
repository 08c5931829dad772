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
        raise ExplorerError("findings.lists_no_utf_8", name=name, start=error.start) from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ExplorerError("findings.lists_no_prompts", name=name)
    if lines[0].lstrip().startswith("{"):
        kind, found = "JSON lines", _json_lines(lines, name)
    elif "caption" in (part.strip().strip('"').lower() for part in lines[0].split(";")):
        kind, found = "NeMo CSV", _table(text, name)
    else:
        kind, found = "plain text", [ListedPrompt(line.strip()) for line in lines]
    different = {one.prompt: one for one in reversed(found)}
    if len(different) > MOST_PROMPTS:
        raise ExplorerError("findings.lists_prompts", name=name, different_count=len(different),
                            most_prompts=MOST_PROMPTS)
    ordered = tuple(different[p] for p in dict.fromkeys(one.prompt for one in found))
    return PromptList(ordered, kind, len(found) - len(ordered))


def _table(text: str, name: str) -> list[ListedPrompt]:
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";")
    rows.fieldnames = [field.strip().lower() for field in rows.fieldnames or ()]
    found = []
    for row in rows:
        prompt = (row.get("caption") or "").strip()
        if not prompt:
            raise ExplorerError("findings.lists_no_caption_line", name=name, line_num=rows.line_num)
        found.append(ListedPrompt(prompt, (row.get("type") or "").strip(), (row.get("url") or "").strip()))
    if not found:
        raise ExplorerError("findings.lists_heading_no_prompts", name=name)
    return found


def _json_lines(lines: list[str], name: str) -> list[ListedPrompt]:
    found = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            prompt = row["caption"].strip()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ExplorerError("findings.lists_no_caption_entry", name=name, number=number) from error
        if prompt:
            found.append(ListedPrompt(prompt, str(row.get("type") or ""), str(row.get("url") or "")))
    return found
