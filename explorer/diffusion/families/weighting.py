"""Weighted prompts: the text encoder's output, each word's rows scaled as the dialect defines.

"a1111" multiplies a word's rows by its weight and then restores the chunk's mean; "comfyui" moves them on the
line from the empty prompt's rows through their own. Prompts longer than a chunk of 75 tokens go on in further
chunks, laid one after the other. Written from the published behaviour of both programs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from explorer.diffusion.dialects import parse
from explorer.records import PromptRead, Recipe

if TYPE_CHECKING:
    from explorer.diffusion.families.family import Family

BACKTRACK = 20  # a1111: a full chunk ends after its last comma, if that is at most so many tokens back
WHOLE_WORD = 8  # comfyui: a word of fewer tokens is not cut by a chunk's end
Token = tuple[int, float]  # (id, weight)


def encode_weighted(family: Family, recipe: Recipe, *, guided: bool) -> tuple[torch.Tensor | None, ...]:
    """(text (t, d), untext, pooled (p,), unpooled) of the recipe; t is a multiple of 77, None where not used."""
    text, pooled = _encode(family, recipe, recipe.prompt)
    if not guided:
        return text, None, pooled, None
    untext, unpooled = _encode(family, recipe, recipe.negative_prompt)
    zeros = pooled is not None and family.pipe.config.force_zeros_for_empty_prompt
    if zeros and not recipe.negative_prompt and recipe.dialect.startswith("a1111"):
        untext, unpooled = torch.zeros_like(untext), torch.zeros_like(unpooled)
    return text, untext, pooled, unpooled


def equally_long(rows: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Each (t, d) repeated up to the common multiple of all lengths: attention to it stays the same."""
    length = math.lcm(*(row.shape[0] for row in rows))
    return [row.repeat(length // row.shape[0], 1) if row.shape[0] != length else row for row in rows]


@torch.inference_mode()
def _encode(family: Family, recipe: Recipe, prompt: str) -> tuple[torch.Tensor, torch.Tensor | None]:
    pipe, made, pooled = family.pipe, [], None
    for name in ("", "_2"):
        tokenizer, encoder = (getattr(pipe, part + name, None) for part in ("tokenizer", "text_encoder"))
        if encoder is None:
            continue
        chunks = token_chunks(pipe, tokenizer, prompt, recipe.dialect)
        empty = [[]] if recipe.dialect == "comfyui" and any(w != 1 for c in chunks for _, w in c) else []
        rows, pools = _rows(family, tokenizer, encoder, [*chunks, *empty], recipe.clip_skip)
        weights = _weights(tokenizer, chunks).to(rows.device)  # (chunks, 77, 1)
        if recipe.dialect == "comfyui":
            made.append(torch.lerp(rows[-1:], rows[:len(chunks)], weights) if empty else rows)
        elif recipe.dialect == "a1111-no-norm":
            made.append(rows * weights)
        else:
            made.append(_mean_kept(rows, weights))
        pooled = pools[0] if pools is not None else None
    joined = torch.cat(made, dim=-1).flatten(0, 1)  # (chunks · 77, d)
    return joined.to(family.dtype), None if pooled is None else pooled.to(family.dtype)


def _mean_kept(rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Each chunk's rows times their weights, then scaled so that its mean is what it was."""
    if bool((weights == 1).all()):
        return rows
    scaled = rows * weights
    before, after = (x.mean(dim=(1, 2), keepdim=True) for x in (rows, scaled))
    return scaled * (before / after)


def _rows(family: Family, tokenizer: Any, encoder: Any, chunks: Sequence[Sequence[Token]],
          clip_skip: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(chunks, 77, d) float32 of the layer that the family uses, and (chunks, p) where there is a pool."""
    length = tokenizer.model_max_length
    ids = torch.full((len(chunks), length), tokenizer.pad_token_id)
    for row, chunk in zip(ids, chunks, strict=True):
        tokens = [tokenizer.bos_token_id, *(i for i, _ in chunk), tokenizer.eos_token_id]
        row[:len(tokens)] = torch.tensor(tokens)
    out = encoder(ids.to(family.device), output_hidden_states=True)
    if family.name == "sdxl":
        return out.hidden_states[-(clip_skip + 2)].float(), getattr(out, "text_embeds", None)
    if not clip_skip:
        return out[0].float(), None
    return encoder.text_model.final_layer_norm(out.hidden_states[-(clip_skip + 1)]).float(), None


def _weights(tokenizer: Any, chunks: Sequence[Sequence[Token]]) -> torch.Tensor:
    weights = torch.ones(len(chunks), tokenizer.model_max_length, 1)
    for row, chunk in zip(weights, chunks, strict=True):
        row[1:len(chunk) + 1, 0] = torch.tensor([weight for _, weight in chunk])
    return weights


def token_chunks(pipe: Any, tokenizer: Any, prompt: str, dialect: str) -> list[list[Token]]:
    """The prompt's tokens with their weights, in chunks of at most 75, cut as the dialect cuts them."""
    room = tokenizer.model_max_length - 2
    convert = getattr(pipe, "maybe_convert_prompt", lambda text, _: text)  # textual inversions of several tokens

    def ids(text: str) -> list[int]:
        return list(tokenizer(convert(text, tokenizer), add_special_tokens=False).input_ids)
    if dialect == "comfyui":
        words = [(word, p.weight) for p in parse(prompt, dialect)[0] for word in p.text.split(" ")]
        return _by_words([[(i, weight) for i in ids(word)] for word, weight in words], room)
    comma = tokenizer.convert_tokens_to_ids(",</w>")
    parts = [[(i, p.weight) for p in part for i in ids(p.text)] for part in parse(prompt, dialect)]
    return [chunk for part in parts for chunk in _by_commas(part, room, comma)]


def prompt_read(pipe: Any, prompt: str, dialect: str = "plain") -> PromptRead:
    """The prompt in CLIP's tokens; without a dialect what goes beyond its last place is cut off."""
    tokenizer = pipe.tokenizer
    if dialect != "plain":
        return PromptRead(sum(map(len, token_chunks(pipe, tokenizer, prompt, dialect))))
    text = getattr(pipe, "maybe_convert_prompt", lambda told, _: told)(prompt, tokenizer)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    beyond = ids[tokenizer.model_max_length - 2:]
    return PromptRead(len(ids), tokenizer.convert_tokens_to_string(
        tokenizer.convert_ids_to_tokens(beyond)).strip() if beyond else "")


def word_places(pipe: Any, prompt: str) -> list[tuple[str, tuple[int, ...]]]:
    """The prompt's words, each with the rows of CLIP's text that stand for it.

    CLIP's vocabulary marks the last token of each word.
    """
    tokenizer = pipe.tokenizer
    text = getattr(pipe, "maybe_convert_prompt", lambda told, _: told)(prompt, tokenizer)
    ids = tokenizer(text, truncation=True, max_length=tokenizer.model_max_length).input_ids[1:-1]
    found, begun = [], []
    for place, piece in enumerate(tokenizer.convert_ids_to_tokens(ids), start=1):  # after the start token
        begun.append(piece)
        if piece.endswith("</w>") or place == len(ids):
            word = tokenizer.convert_tokens_to_string(begun).strip()
            found.append((word, tuple(range(place - len(begun) + 1, place + 1))))
            begun = []
    return found


def _by_commas(tokens: Sequence[Token], room: int, comma: int) -> list[list[Token]]:
    chunks: list[list[Token]] = [[]]
    last = -1  # of the comma in the chunk in hand
    for token in tokens:
        chunk = chunks[-1]
        if len(chunk) == room:
            near = token[0] != comma and last >= 0 and room - last <= BACKTRACK
            chunks.append(chunk[last + 1:] if near else [])
            chunks[-2], last = (chunk[:last + 1] if near else chunk), -1
        elif token[0] == comma:
            last = len(chunk)
        chunks[-1].append(token)
    return chunks


def _by_words(words: Sequence[Sequence[Token]], room: int) -> list[list[Token]]:
    chunks: list[list[Token]] = [[]]
    for word in words:
        left = list(word)
        while left:
            free = room - len(chunks[-1])
            if len(left) <= free:
                chunks[-1] += left
                break
            if len(word) >= WHOLE_WORD:
                chunks[-1] += left[:free]
                left = left[free:]
            chunks.append([])
    return chunks
