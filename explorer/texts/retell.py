"""What went on record in English, said again in another language: the text is found by the sentence itself.

Records, logs and packages keep their sentences in one language, so that they verify wherever they are opened. A
screen or a report in another language looks a sentence up among the English texts, takes its values out of it, and
says the other language's text with them. What fits no text stays as it is.
"""

from __future__ import annotations

import functools
import re
import string

from explorer.texts import WHOLE, catalogue, language, say

ON_RECORD = ("statement", "error_rate", "limit", "aside", "feature", "progress", "note",
             "earlier")  # sections, with theirs
MAY_LACK = ("allowing", "off", "extra", "differs")  # values that may be empty
FEWEST = 5  # letters that a text must have of its own, to be told from others


def retold(text: str) -> str:
    """An English text of the record in the language in use; the same text where that is English, or none fits."""
    return text if not text or language() == WHOLE else _retold(text, language())


@functools.lru_cache(maxsize=8192)
def _retold(text: str, _language: str) -> str:
    bare, end = text.removesuffix("."), "." if text.endswith(".") else ""
    listed, whole = _listed(bare), _said(text)
    if listed is None and whole is not None:
        return whole
    found = listed or _said(bare)
    return text if found is None else found + end


def _listed(text: str) -> str | None:
    """Several texts one after another, each said anew; None unless all are known."""
    for joint in ("(; )", "(, | and )"):
        parts = re.split(joint, text)
        told = [_said(part) for part in parts[::2]]
        if len(told) > 1 and all(told):
            parts[::2] = [part for part in told if part]
            parts[1::2] = [say("aside.and", most="", last="") if part == " and " else part for part in parts[1::2]]
            return "".join(parts)
    return None


def _said(text: str) -> str | None:
    """The text that this sentence is, said anew; None where there is none."""
    key = _exact().get(text)
    if key is not None:
        return say(key)
    for pattern, key, forms in _patterns():
        match = pattern.fullmatch(text)
        if match:
            values: dict[str, object] = {n: _listed(v) or _said(v) or v for n, v in match.groupdict().items()
                                         if not n.startswith("_")}
            values |= {name: 1 if match[group] == one else 2 for group, name, one in forms if name not in values}
            return say(key, **values)
    return None


@functools.cache
def _exact() -> dict[str, str]:
    """English text without values → key; names of scores also as they stand inside a sentence."""
    found: dict[str, str] = {}
    for section, texts in _sections():
        found |= {text: f"{section}.{name}" for name, text in texts.items() if "{" not in text}
    for section, texts in catalogue().items():
        if section.startswith(("score.", "signal.")):
            label = texts["label"]
            found |= dict.fromkeys((label, label.lower(), label[0].lower() + label[1:]), f"{section}.label")
    return found


@functools.cache
def _patterns() -> list[tuple[re.Pattern, str, list[tuple[str, str, str]]]]:
    """(pattern, key, its words by number) of every English text with values, the one with most words first."""
    found = []
    for section, texts in _sections():
        for name, text in texts.items():
            own = "".join(literal for literal, *_ in string.Formatter().parse(text))
            if "{" in text and len(re.findall(r"[A-Za-z]", own)) >= FEWEST:
                found.append((len(own), *_pattern(text), f"{section}.{name}"))
    return [(pattern, key, forms) for _, pattern, forms, key in sorted(found, key=lambda f: -f[0])]


def _pattern(text: str) -> tuple[re.Pattern, list[tuple[str, str, str]]]:
    parts, seen, forms = [], set(), []
    for literal, name, spec, conversion in string.Formatter().parse(text):
        parts.append(re.escape(literal))
        one, bar, many = (spec or "").partition("|")
        if bar:
            group = f"_{len(forms)}"
            parts.append(f"(?P<{group}>{re.escape(one)}|{re.escape(many)})")
            forms.append((group, name, one))
        elif name in seen:
            parts.append(f"(?P={name})")
        elif name and conversion == "r":
            parts.append(rf"['\"](?P<{name}>.*?)['\"]")
            seen.add(name)
        elif name:
            parts.append(f"(?P<{name}>.*?)" if name in MAY_LACK else f"(?P<{name}>.+?)")
            seen.add(name)
    return re.compile("".join(parts), re.DOTALL), forms


def _sections() -> list[tuple[str, dict[str, str]]]:
    return [(section, texts) for section, texts in catalogue().items() if section.split(".")[0] in ON_RECORD]
