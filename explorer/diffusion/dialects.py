"""Prompt weighting as other programs write it: which words, at which weight. Nothing heavy here.

"plain": brackets are ordinary text. "a1111": (more) is 1.1, [less] is 1/1.1, (word:1.3) is 1.3, weights
multiply, BREAK begins a new chunk. "comfyui": (more) is 1.1, (word:1.3) is 1.3 whatever stands around it.
A backslash makes a bracket an ordinary letter in both.
A1111's other settings of emphasis: "a1111-no-norm" does not restore the mean, "a1111-ignore" reads the brackets
and weighs nothing, "a1111-none" takes brackets and BREAK for text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from explorer.errors import ExplorerError
from explorer.texts import say

DIALECTS = ("plain", "a1111", "a1111-no-norm", "a1111-ignore", "a1111-none", "comfyui")
WEIGHTS = (-10.0, 10.0)
_MORE = 1.1
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_A1111 = re.compile(rf"\\[()\[\]\\]|:\s*({_NUMBER})\s*\)|[()\[\]]|[^\\()\[\]:]+|[:\\]")
_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_COMFY = re.compile(r"\\[()]|[()]|[^\\()]+|\\")
_NOT_OFFERED = {
    "a1111": ((r"\[[^\[\]]*:\s*[\d.]+\s*\]", "changing"), (r"(?<!\\)\[[^\[\]]*\|[^\[\]]*\]", "alternating"),
              (r"\bAND\b", "several"), (r"<(?:lora|lyco|hypernet):[^>]*>", "lora")),
    "comfyui": ((r"\bembedding:\S", "embedding"),),
}


@dataclass(frozen=True)
class Piece:
    """Some text and its weight; 1 is neutral."""

    text: str
    weight: float


def check_dialect(prompt: str, dialect: str) -> None:
    """ExplorerError for an unknown dialect, and for parts of a prompt that it has and this cannot replay."""
    if dialect not in DIALECTS:
        raise ExplorerError("diffusion.dialects_prompts_cannot_replayed", dialect=dialect,
                            dialects=", ".join(DIALECTS))
    found = [say(f"note.dialect.{name}") for pattern, name in _NOT_OFFERED.get(dialect.split("-")[0], ())
             if re.search(pattern, prompt)]
    if found:
        raise ExplorerError("diffusion.dialects_prompt_cannot_replayed", found=say("note.and").join(found))
    wild = [p.weight for part in parse(prompt, dialect) for p in part
            if not WEIGHTS[0] <= p.weight <= WEIGHTS[1]]
    if wild:
        raise ExplorerError("diffusion.dialects_prompt_gives_word", first_wild=wild[0], first_weights=WEIGHTS[0],
                            last_weights=WEIGHTS[1])


def parse(prompt: str, dialect: str) -> tuple[tuple[Piece, ...], ...]:
    """The prompt's pieces, neighbours of equal weight as one; a part each for what BREAK separates."""
    if dialect in ("a1111", "a1111-no-norm"):
        return _parse_a1111(prompt)
    if dialect == "a1111-ignore":
        return tuple(_joined([Piece(p.text, 1.0) for p in part]) for part in _parse_a1111(prompt))
    pieces = _parse_comfy(prompt, 1.0) if dialect == "comfyui" else [Piece(prompt, 1.0)]
    return (_joined(pieces),)


def _parse_a1111(prompt: str) -> tuple[tuple[Piece, ...], ...]:
    found: list[tuple[str | None, float]] = []  # None: BREAK
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def weigh(start: int, factor: float) -> None:
        found[start:] = [(text, weight * factor) for text, weight in found[start:]]
    for match in _A1111.finditer(prompt):
        text, number = match.group(), match.group(1)
        if text in opened:
            opened[text].append(len(found))
        elif number is not None and opened["("]:
            weigh(opened["("].pop(), float(number))
        elif text == ")" and opened["("]:
            weigh(opened["("].pop(), _MORE)
        elif text == "]" and opened["["]:
            weigh(opened["["].pop(), 1 / _MORE)
        elif text.startswith("\\"):
            found.append((text[1:], 1.0))
        else:
            for number_of_part, part in enumerate(_BREAK.split(text)):
                found += [(None, 1.0)] if number_of_part else []
                found.append((part, 1.0))
    for start in opened["("]:  # brackets that stay open hold to the end
        weigh(start, _MORE)
    for start in opened["["]:
        weigh(start, 1 / _MORE)
    return _split(found)


def _split(found: list[tuple[str | None, float]]) -> tuple[tuple[Piece, ...], ...]:
    parts: list[list[Piece]] = [[]]
    for text, weight in found:
        if text is None:
            parts.append([])
        else:
            parts[-1].append(Piece(text, weight))
    if len(parts) > 1 and not any(p.text for p in parts[-1]):
        parts.pop()  # nothing follows the last BREAK
    return tuple(_joined(part) for part in parts)


def _parse_comfy(prompt: str, weight: float) -> list[Piece]:
    """Groups at the outermost level are read again inside, with their own weight."""
    pieces: list[Piece] = []
    for group, inside in _groups(prompt):
        if not inside:
            pieces.append(Piece(re.sub(r"\\([()])", r"\1", group), weight))
            continue
        text, colon, number = group.rpartition(":")
        if colon and text and re.fullmatch(rf"\s*{_NUMBER}\s*", number):
            pieces += _parse_comfy(text, float(number))
        else:
            pieces += _parse_comfy(group, weight * _MORE)
    return pieces


def _groups(prompt: str) -> list[tuple[str, bool]]:
    """(text, whether it stood in brackets) at the outermost level; an open bracket is ordinary text."""
    found: list[tuple[str, bool]] = []
    depth, at, start = 0, 0, 0
    for match in _COMFY.finditer(prompt):
        if match.group() == "(":
            if depth == 0:
                found.append((prompt[at:match.start()], False))
                at = start = match.start()
            depth += 1
        elif match.group() == ")" and depth:
            depth -= 1
            if depth == 0:
                found.append((prompt[start + 1:match.start()], True))
                at = match.end()
    return [(text, inside) for text, inside in [*found, (prompt[at:], False)] if text]


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    made: list[Piece] = []
    for piece in pieces:
        if made and made[-1].weight == piece.weight:
            made[-1] = Piece(made[-1].text + piece.text, piece.weight)
        elif piece.text:
            made.append(piece)
    return tuple(made)
