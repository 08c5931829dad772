"""Hostile inputs by number: input n of a seed is the same on every machine. Images, metadata, packages, ..."""

from __future__ import annotations

import io
import json
import random
import stat
import struct
import zipfile
import zlib
from functools import lru_cache

import numpy as np
from PIL import Image, PngImagePlugin

from explorer.cases.recipes_text import recipe_json
from tests.cases.made import make_recipe

FORMATS = ("PNG", "JPEG", "WebP", "GIF", "TIFF", "BMP", "AVIF")
INTERESTING = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0", b"\xff\xfe", b"\0",
               b"%s%n", b"../../", b"\xe2\x80\xae", b"<script>", b"{0.__class__}")
PARAMETERS = ("a red fox\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7.5, "
              "Seed: 1234567890, Size: 512x768, Model hash: abc123def0, Clip skip: 2")
GRAPH = {"3": {"class_type": "KSampler", "inputs": {"seed": 42, "steps": 25, "cfg": 8.0, "model": ["4", 0],
                                                    "sampler_name": "euler", "positive": ["6", 0]}},
         "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
         "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a boat", "clip": ["4", 1]}}}


def chunk(kind: bytes, body: bytes, *, length: int | None = None) -> bytes:
    """One PNG chunk; `length` lies about its size."""
    size = len(body) if length is None else length
    return struct.pack(">I", size) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *middle: bytes, rows: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    parts = (head, *middle, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@lru_cache(maxsize=1)
def base_images() -> tuple[bytes, ...]:
    """A small picture in every format, plain and with metadata, palette, alpha, 16 bits or frames."""
    rgb = np.random.default_rng(5).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + PARAMETERS.encode("utf-16-be")
    found = []
    for kind in FORMATS:
        options = {} if kind in ("GIF", "BMP") else {"exif": exif}
        found.append(_saved(Image.fromarray(rgb), kind, **options))
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", PARAMETERS, zip=True)
    info.add_itxt("prompt", json.dumps(GRAPH))
    found.append(_saved(Image.fromarray(rgb), "PNG", pnginfo=info))
    found.append(_saved(Image.fromarray(rgb).convert("RGBA"), "PNG"))
    found.append(_saved(Image.fromarray(rgb).quantize(8), "PNG"))
    found.append(_saved(Image.fromarray(rgb).convert("CMYK"), "JPEG"))
    found.append(_saved(Image.fromarray(rgb.astype(np.uint16)[..., 0] * 257), "TIFF"))
    frames = [Image.fromarray(np.roll(rgb, n, axis=0)) for n in range(3)]
    found += [_saved(frames[0], k, save_all=True, append_images=frames[1:]) for k in ("GIF", "WebP", "PNG")]
    return tuple(found)


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@lru_cache(maxsize=1)
def hostile_images() -> tuple[bytes, ...]:
    """The known tricks: bombs, lies about sizes, polyglots, loops, and things that are not pictures."""
    plain, bomb = base_images()[0], zlib.compress(bytes(50_000_000), 9)
    gif_head = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0xF0, 0, 0)
    loop = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    laughs = b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><l>&b;</l>'
    return (
        png(60_000, 60_000), png(29_000, 2_200, rows=bytes(1000)), png(2**31 - 1, 1), png(0, 0),
        png(8_000, 8_000, rows=bytes(8_000 * 3 * 8_000 // 64)),
        png(9, 9, chunk(b"zTXt", b"parameters\0\0" + bomb)), png(9, 9, chunk(b"iCCP", b"icc\0\0" + bomb)),
        png(9, 9, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + laughs)),
        png(9, 9, chunk(b"tEXt", b"a\0b", length=2**32 - 1)), png(9, 9, chunk(b"caBX", b"jumb" * 5000)),
        png(9, 9, *(chunk(b"tEXt", b"k%d\0" % n + b"v" * 500) for n in range(3000))),
        plain + b"PK\x03\x04" + bytes(200), plain[:-12], plain[:33], plain + b"<script>alert(1)</script>",
        gif_head + b"\0\0\0\xff\xff\xff,\0\0\0\0" + struct.pack("<HH", 65_535, 65_535) + b"\0\x02\x01\0\0;",
        b"GIF89a/*" + bytes(4) + b"*/=1;alert(1)//", b"\xff\xd8\xff\xe1\xff\xff<html>" + bytes(99),
        b"\xff\xd8" + b"\xff\xda\0\x0c\x03\1\0\2\x11\3\x11\0\x3f\0" * 4000, loop,
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**31 - 1, -2**31, 1, 24, 0, 0, 0, 0, 0, 0),
        b"II*\0" + struct.pack("<IH", 8, 65_535) + b"\xff" * 4000, b"II+\0\x08\0\0\0" + b"\xff" * 40,
        b"RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\xff" * 6,
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + b"\xff" * 200, b"%!PS\n(/etc/passwd) (r) file", b"",
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', b"%PDF-1.7", b"\0" * 4096)


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Bytes flipped, cut, doubled, moved, or replaced by ones that often hurt."""
    bad = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 16, 64))):
        if len(bad) < 8:
            break
        at, way = dice.randrange(len(bad)), dice.randrange(7)
        if way <= 2:
            bad[at] = dice.randrange(256)
        elif way == 3:
            bad[at:at] = dice.choice(INTERESTING)
        elif way == 4:
            part = dice.choice(INTERESTING)
            bad[at:at + len(part)] = part
        elif way == 5:
            bad[at:at] = bad[at:at + dice.randrange(1, 200)]
        else:
            del bad[at:at + dice.randrange(1, 1 + len(bad) // 4)]
    return bytes(bad)


def image(dice: random.Random) -> bytes:
    """One picture in four is a known trick, now and then mutated too; the others are mutated good ones."""
    if dice.random() < 0.1:
        data = dice.choice(hostile_images())
        return data if dice.random() < 0.5 or len(data) > 10**6 else mutated(data, dice)
    return mutated(dice.choice(base_images()), dice)


def metadata(dice: random.Random) -> bytes:
    """A sound picture whose text, EXIF, XMP or C2PA block is hostile; checksums are right."""
    text = mutated(dice.choice((PARAMETERS, json.dumps(GRAPH), "[" * 9000, '{"a":' * 3000,
                                "Steps: 9, Seed: " + "9" * 5000)).encode(), dice)
    kind = dice.choice((b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"caBX", b"iCCP"))
    key = dice.choice((b"parameters", b"prompt", b"workflow", b"invokeai_metadata", b"XML:com.adobe.xmp",
                       b"Comment", b"Raw profile type exif", b"\xff<b>"))
    body = {b"tEXt": key + b"\0" + text, b"zTXt": key + b"\0\0" + zlib.compress(text),
            b"iTXt": key + b"\0\0\0\0\0" + text, b"eXIf": mutated(b"II*\0\x08\0\0\0\x02\0" + text, dice),
            b"caBX": mutated(struct.pack(">I4sI4s", 900, b"jumb", 60, b"jumd") + text, dice),
            b"iCCP": b"x\0\0" + zlib.compress(mutated(bytes(128) + text, dice))}[kind]
    return png(4, 4, chunk(kind, body), rows=bytes(4 * 13))


def recipe_text(dice: random.Random) -> bytes:
    """A recipe's JSON with wrong types, huge numbers, unknown keys, deep nesting, or broken bytes."""
    value = json.loads(recipe_json(make_recipe(strength=0.5, start_sha256="a" * 64)))
    odd = (None, -1, 2**70, 1e308, "x" * 5000, [], {}, True, "../../etc/passwd", "\u202e", "NaN", [[[]]],
           {"$int": "9" * 5000}, {"$float": "nan"}, {"$int": "x"})
    for _ in range(dice.randrange(1, 4)):
        value[dice.choice([*value, "extra", "__class__"])] = dice.choice(odd)
    text = json.dumps(value).encode()
    return mutated(text, dice) if dice.random() < 0.4 else text


HOSTILE_NAMES = ("../out.txt", "/etc/passwd", "bag/../../b", "bag\\..\\x", "C:/x", "bag//x", "bag/.hidden",
                 "bag/\u202egnp.exe", "bag/" + "n" * 300, "bag/a\0b", "bag/nul", "~/x", "bag/x/../../../y")


def package(dice: random.Random, good: bytes) -> bytes:
    """A package mutated bytewise, or a ZIP made to hurt: names, links, bombs, overlaps, lies."""
    way = dice.randrange(6)
    if way <= 1:
        return mutated(good, dice)
    if way == 2:
        return overlapping(dice.randrange(2, 60), size=dice.randrange(100, 5000))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as pack:
        for _ in range(dice.randrange(1, 4)):
            info = zipfile.ZipInfo(dice.choice((*HOSTILE_NAMES, "bag/a", "bag/data/log.jsonl")))
            info.compress_type = dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            kind = dice.choice((stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, 0))
            info.external_attr = (kind | 0o777) << 16
            pack.writestr(info, dice.choice((b"x", bytes(100_000), b"/etc/passwd", b"[" * 9000)))
    return mutated(out.getvalue(), dice) if way == 5 else out.getvalue()


def overlapping(count: int, *, size: int) -> bytes:
    """A stored ZIP whose every member holds all the next ones: unpacked it is many times its length."""
    names = [b"bag/%06d" % n for n in range(count)]
    body, places = bytes(size), []
    for name in reversed(names):  # each local header stands before what it wraps
        head = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 0, 0, 33, zlib.crc32(body), len(body), len(body),
                           len(name), 0) + name
        body = head + body
        places.append((name, len(body), len(body) - len(head), zlib.crc32(body[len(head):])))
    central = b"".join(
        struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 788, 20, 0, 0, 0, 33, crc, inner, inner, len(name), 0, 0, 0,
                    0, (stat.S_IFREG | 0o644) << 16, len(body) - outer) + name
        for name, outer, inner, crc in reversed(places))
    return body + central + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(central), len(body), 0)


def gguf_file(dice: random.Random) -> bytes:
    """A sound GGUF file of a few rows, some notes and lists among them."""
    def text(value: bytes) -> bytes:
        return struct.pack("<Q", len(value)) + value

    notes = [text(b"general.architecture") + struct.pack("<I", 8) + text(b"flux"),
             text(b"general.alignment") + struct.pack("<II", 4, 32),
             text(b"places") + struct.pack("<IIQ3I", 9, 4, 3, 1, 2, 3)][:dice.randint(0, 3)]
    rows = [text(name) + struct.pack("<IQQIQ", 2, 32, 2, 8, 96 * n) for n, name in enumerate(
        (b"double_blocks.0.img_attn.qkv.weight", b"img_in.weight"))]
    head = b"GGUF" + struct.pack("<IQQ", dice.choice((2, 3)), len(rows), len(notes)) + b"".join(notes + rows)
    return head + bytes(-len(head) % 32) + bytes(96 * 2)


def index_files(dice: random.Random, good: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a collection's folder with one of them mutated, exchanged, or a pickle."""
    files = dict(good)
    name = dice.choice(sorted(files))
    pickled = b"\x93NUMPY\x01\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(128) \
        + b"\x80\x04cposix\nsystem\n(S'touch ../escaped'\ntR."
    way = dice.randrange(8)
    if way == 0:
        files[name] = pickled
    elif way == 1:
        files["collection.json"] = json.dumps({"root": "/", "clip": "../../x", "name": "<b>"}).encode()
    elif way == 2:
        files[name] = dice.choice((b"", b"{" * 9000, b"PAR1", b"ARROW1\0\0" + b"\xff" * 99))
    else:
        files[name] = mutated(files[name], dice)
    return files
