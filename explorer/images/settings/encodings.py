"""Text in whatever encoding a program left it: EXIF comments, caption files, text chunks."""

from __future__ import annotations

import codecs

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CODES = (b"UNICODE\0", b"ASCII\0\0\0", b"JIS\0\0\0\0\0", b"\0" * 8)
MAX_BYTES = 2**22


def decoded(body: bytes) -> str:
    """A text file's words: by its mark, else UTF-8, else UTF-16 by its zeros, else what its letters suggest.

    Never raises; what fits no encoding comes with replacement marks.
    """
    body = body[:MAX_BYTES]
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body.decode(name, "replace").rstrip("\0")
    plain = _strict(body, "utf-8")
    if plain is not None and "\0" not in plain.rstrip("\0"):
        return plain.rstrip("\0")
    wide = _wide(body)
    if wide is not None:
        return wide.rstrip("\0")
    if plain is None and _nearly(body):
        plain = body.decode("utf-8", "replace")
    return (_guessed(body) if plain is None else plain).rstrip("\0")


def _nearly(body: bytes) -> bool:
    """UTF-8 that was damaged: more letters of several bytes than bytes that fit nowhere."""
    text = body.decode("utf-8", "replace")
    return sum(c > "\x7f" for c in text) > 2 * text.count("\ufffd") - 1


def _strict(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except UnicodeDecodeError:
        return None


def _wide(body: bytes) -> str | None:
    """UTF-16 of either byte order, if one of them makes it mostly plain letters; None if neither does."""
    even = body[:len(body) - len(body) % 2]
    options = [text for name in ("utf-16-be", "utf-16-le") if (text := _strict(even, name)) is not None]
    best = max(options, key=_plain, default=None)
    return best if best is not None and _plain(best) >= max(2, len(best) // 50) else None


def _plain(text: str) -> int:
    return sum(" " <= c <= "~" or c == "\n" for c in text)


def _guessed(body: bytes) -> str:
    japanese = _strict(body, "shift_jis")
    if japanese is not None and 5 * sum("\u3040" <= c <= "\u30ff" for c in japanese) >= len(japanese):
        return japanese
    from charset_normalizer import from_bytes
    best = from_bytes(body[:2**16]).best()
    name = best.encoding if best is not None else "cp1252"
    return body.decode(name, "replace")


def exif_comment(value: bytes | str) -> str:
    """EXIF's UserComment: eight bytes that name the encoding, then text. Programs disagree on byte order, write
    UTF-8 under any name, or leave the eight bytes out: the reading with the most plain letters counts.
    """
    if isinstance(value, str):
        return _mended(value)
    code = next((c for c in _CODES if value[:8].upper() == c or (c != _CODES[3] and value[:6].upper() == c[:6]
                                                                  and value[6:8] in (b"\0\0", b"\0\1"))), None)
    body = (value[8:] if code is not None else value)[:MAX_BYTES]
    if code == _CODES[2]:
        for name in ("iso2022_jp", "utf-8", "shift_jis", "euc_jp"):
            text = _strict(body, name)
            if text is not None and "\0" not in text.rstrip("\0"):
                return text.rstrip("\0")
    if code == _CODES[0] and not any(body.startswith(mark) for mark, _ in _MARKS):
        eight, wide = _strict(body, "utf-8"), _wide(body)
        if eight is not None and "\0" not in eight.rstrip("\0") and _plain(eight) > _plain(wide or ""):
            return eight.rstrip("\0")
        return (wide if wide is not None else body.decode("utf-16-be", "replace")).rstrip("\0")
    return decoded(body)


def _mended(text: str) -> str:
    """Text that a library read as Latin-1 although it is UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8").rstrip("\0")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text.rstrip("\0")
