"""A1111's settings text (prompt, "Negative prompt:", one line of "key: value" pairs), taken apart and written.

The rules are those of its own reader (`infotext_utils`), with what other writers of the same form do besides:
values that hold a comma, colon or line break are quoted as JSON strings; SD.Next and Civitai write JSON lists
unquoted; extensions add lines after the settings.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from explorer.texts import say

_KEY = re.compile(r"[ \t]*(\w[\w \-/.()#+φ]*?)[ \t]*:[ \t]*")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_CORE = {"steps", "sampler", "cfg scale", "guidance scale", "seed", "size", "model", "model hash", "scheduler",
         "schedule type"}
_FIRST = re.compile(r"[ \t]*Steps:[ \t]*\d+[ \t]*(?:,|$)")
_TEMPLATE = re.compile(r"(?:Negative )?Template:")
_NEGATIVE = "Negative prompt:"
_INLINE = re.compile(r"[ \t]Steps:[ \t]*\d+,")
_OPENED = re.compile(r':[ \t]*"')
_CONTINUED = re.compile(r"\d+(?:\.\d+)?")


@dataclass
class SettingsLine:
    """The text taken apart. `pairs` keeps the file's order and its first value of each key; `after` holds the
    lines behind the settings; `doubts` are sentences on what could be read in another way.
    """

    prompt: str = ""
    negative: str = ""
    pairs: dict[str, str] = field(default_factory=dict)
    after: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def take_apart(text: str) -> SettingsLine | None:
    """The parts of a settings text; None if no line of it is a line of settings."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n\0 \t")
    lines = text.split("\n")
    starts = [0, *(i + 1 for i, c in enumerate(text) if c == "\n")]
    found = _settings_line(text, lines, starts)
    if found is None:
        return _on_one_line(text)
    at, rivals = found
    parts = SettingsLine()
    end = _pairs(text, starts[at], parts)
    parts.after = [line for line in text[end:].split("\n") if line.strip()]
    parts.prompt, parts.negative = _prompts(lines[:at], parts)
    if rivals:
        parts.doubts.append(say("note.images.more_than_one"))
    return parts


def _settings_line(text: str, lines: list[str], starts: list[int]) -> tuple[int, int] | None:
    """(the settings' line, how many others look like it): the last that begins with its steps, else the last
    of three pairs and more; lines behind a dynamic prompt's template are the template's.
    """
    found = _first_lines(text, lines, starts) or [i for i, line in enumerate(lines) if _is_settings(line)][-1:]
    for at in found:
        if at + 2 < len(lines) and not lines[at + 1].strip() and _TEMPLATE.match(lines[at + 2]):
            return at, len(found) - 1
    return (found[-1], len(found) - 1) if found else None


def _first_lines(text: str, lines: list[str], starts: list[int]) -> list[int]:
    """Lines that begin with their steps and do not stand inside a quoted value of such a line before them."""
    found, free = [], 0  # where the last quoted value ended
    for i, line in enumerate(lines):
        if starts[i] < free or not _FIRST.match(line):
            continue
        found.append(i)
        for match in _OPENED.finditer(line):
            value = _QUOTED.match(text, starts[i] + match.end() - 1)
            if value is None:
                break
            if value.end() > starts[i] + len(line):
                free = value.end() if text[value.end():value.end() + 1] in ("", ",", "\n") else free
                break
    return found


def _is_settings(line: str) -> bool:
    parts = SettingsLine()
    _pairs(line, 0, parts)
    names = [k.lower() for k in parts.pairs]
    return len(names) >= 3 and len(set(names) & _CORE) >= 2 and names[0] in _CORE


def _pairs(text: str, at: int, parts: SettingsLine) -> int:
    """Reads pairs from `at` to the end of their line into `parts`; where that is."""
    last = ""
    while at < len(text):
        match = _KEY.match(text, at)
        if match is None:  # a piece without a key belongs to the value before it
            end = _stop(text, at)
            piece = text[at:end].strip()
            if last and piece:
                parts.pairs[last] += f", {piece}"
        else:
            last, value, end = match[1], *_value(text, match.end())
            _put(parts, last, value)
        if end >= len(text) or text[end] == "\n":
            return end
        at = end + 1
    return at


def _put(parts: SettingsLine, key: str, value: str) -> None:
    known = parts.pairs.get(key)
    if known is None:
        parts.pairs[key] = value
    elif known != value:
        parts.doubts.append(say("note.images.stands_twice", key=key, known=known[:40], value=value[:40]))


def _value(text: str, at: int) -> tuple[str, int]:
    """(value, where it ends) of a value that is quoted, a JSON list or object, or plain up to the next comma."""
    if text[at:at + 1] == '"':
        match = _QUOTED.match(text, at)
        if match and text[match.end():match.end() + 1] in ("", ",", "\n"):
            return _unquoted(match.group()), match.end()
    elif text[at:at + 1] in ("[", "{"):
        try:
            _, end = json.JSONDecoder().raw_decode(text, at)
            if text[end:end + 1] in ("", ",", "\n"):
                return text[at:end], end
        except (ValueError, RecursionError):
            pass
    end = _stop(text, at)
    return text[at:end].strip(), end


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:  # an escape that JSON has not, as a Windows path
        return text[1:-1]


def _stop(text: str, at: int) -> int:
    ends = [e for e in (text.find(",", at), text.find("\n", at)) if e >= 0]
    return min(ends, default=len(text))


def _prompts(lines: list[str], parts: SettingsLine) -> tuple[str, str]:
    begins = [i for i, line in enumerate(lines) if line.lstrip().startswith(_NEGATIVE)]
    if not begins:
        return "\n".join(lines).strip("\n"), ""
    if len(begins) > 1:
        parts.doubts.append(say("note.images.begins_more_than", negative=_NEGATIVE))
    at = begins[0]
    first = lines[at].lstrip()[len(_NEGATIVE):].removeprefix(" ")
    return "\n".join(lines[:at]).strip("\n"), "\n".join([first, *lines[at + 1:]]).rstrip("\n")


def _on_one_line(text: str) -> SettingsLine | None:
    """Prompt and settings that somebody joined into one line: where the prompt ends is a guess, and said."""
    matches = list(_INLINE.finditer(text))
    if not matches or not _is_settings(text[matches[-1].start():].split("\n")[0]):
        return None
    at = matches[-1].start()
    parts = SettingsLine(doubts=[say("note.images.prompt_settings_stand")])
    parts.after = [line for line in text[_pairs(text, at, parts):].split("\n") if line.strip()]
    prompt, mark, negative = text[:at].partition(f" {_NEGATIVE}")
    parts.prompt, parts.negative = prompt.strip(), negative.strip() if mark else ""
    return parts


def quoted(value: str) -> str:
    """A value as A1111 writes it: as a JSON string if it holds a comma, colon or line break."""
    value = str(value)
    return json.dumps(value, ensure_ascii=False) if re.search(r'[,:\n\r"]|^\s|\s$', value) else value


def written(prompt: str, negative: str, pairs: dict[str, object]) -> str:
    """The settings text, as A1111 writes it."""
    mark = f"\n{_NEGATIVE} {negative}" if negative else ""
    return f"{prompt}{mark}\n" + ", ".join(f"{k}: {quoted(str(v))}" for k, v in pairs.items())


def decimal_comma(value: str) -> str:
    """"7, 5" (a decimal comma that was read as a separator) as "7.5"; any other value as it is."""
    whole, comma, rest = value.partition(", ")
    return f"{whole}.{rest}" if comma and whole.isdigit() and _CONTINUED.fullmatch(rest) else value
