"""Bytes to 8-bit sRGB pixels; runs only inside the sandbox process (see sandbox.py).

Every change that decoding makes to what a viewer would see is said in a note, because the pixels
that are compared are these and not the file's own.
"""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageChops, ImageCms, ImageFile, UnidentifiedImageError

from explorer.errors import ExplorerError
from explorer.images.formats import MAX_PIXELS, PILLOW_NAMES, check_kind, check_size, shown_name
from explorer.images.jpeg_end import END, lacks_only_its_end
from explorer.texts import say

BACKGROUND = (255, 255, 255)
_OPERATIONS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
               4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
               6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90}


def decode(data: bytes, *, name: str = "") -> tuple[np.ndarray, str, list[str]]:
    """(h, w, 3) uint8 sRGB, the format's name and notes; ExplorerError for what cannot be decoded."""
    kind = check_kind(data, name=name)
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=[PILLOW_NAMES.get(kind, kind)]) as image:
                check_size(*image.size, name=name)
                if kind == "JPEG" and END not in data[-64:] and lacks_only_its_end(data):
                    return _ended(data, kind)
                return _pixels(image, kind)
        except ExplorerError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ExplorerError("images.sandbox_decode_unpacks_more_than", shown_name=shown_name(name),
                                max_pixels=MAX_PIXELS // 10**6) from error
        except MemoryError as error:
            raise ExplorerError("images.sandbox_decode_needs_more_memory", shown_name=shown_name(name)) from error
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError,
                EOFError, OverflowError, ZeroDivisionError, AttributeError, RuntimeError,
                ImageCms.PyCMSError, AssertionError, ArithmeticError, NotImplementedError) as error:
            raise ExplorerError("images.sandbox_decode_damaged_cut_short", shown_name=shown_name(name),
                                kind=kind) from error


def _ended(data: bytes, kind: str) -> tuple[np.ndarray, str, list[str]]:
    """A whole picture whose file lacks its end mark."""
    with Image.open(io.BytesIO(data + END), formats=["JPEG"]) as image:
        rgb, kind, notes = _pixels(image, kind)
    return rgb, kind, [*notes, say("note.images.file_lacks_end")]


def _pixels(image: Image.Image, kind: str) -> tuple[np.ndarray, str, list[str]]:
    notes: list[str] = []
    if image.format == "MPO":
        notes.append(say("note.images.jpeg_further_pictures"))
    elif getattr(image, "is_animated", False):
        notes.append(say("note.images.first_page" if kind == "TIFF" else "note.images.first_frame",
                         n=getattr(image, "n_frames", say("note.images.its"))))
        image.seek(0)
    if _has_deep_colour(image):
        notes.append(say("note.images.16_bit_colours"))
    turn = _orientation(image)
    profile = image.info.get("icc_profile")
    image.load()  # Pillow turns a TIFF by its orientation while loading; other formats are turned below
    if turn in _OPERATIONS:
        notes.append(say("note.images.exif_orientation_says", turned=say(f"note.turned.by_{turn}")))
        if kind != "TIFF":
            image = image.transpose(_OPERATIONS[turn])
    rgb = np.ascontiguousarray(_to_srgb(image, profile, notes), dtype=np.uint8)
    return rgb, kind, notes


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(0x0112, 1)
        return value if isinstance(value, int) else 1
    except Exception:  # a broken EXIF block must not lose the picture
        return 1


def _has_deep_colour(image: Image.Image) -> bool:
    """Whether Pillow will drop the low bytes of 16-bit colours while loading (8-bit modes only)."""
    tiles = getattr(image, "tile", None) or [("", (), 0, "")]
    return image.mode in ("RGB", "RGBA", "LA", "CMYK") and ";16" in str(tiles[0][3])


def _to_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> np.ndarray:
    """Deep, palette, transparent, CMYK and profiled images as 8-bit sRGB on white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _deep_grey(image, notes)
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        notes.append(say("note.images.palette_colours_written"))
    alpha = None
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    image = _profiled(image, profile, notes)
    if alpha is None or alpha.getextrema()[0] == 255:
        return np.asarray(image)
    notes.append(say("note.images.transparent_parts_laid"))
    page = Image.new("RGB", image.size, BACKGROUND)
    page.paste(image, mask=alpha)
    return np.asarray(page)


def _profiled(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    """RGB by the embedded ICC profile where it fits the image's mode; else by the plain rule."""
    mode = image.mode if image.mode in ("RGB", "CMYK", "L", "LAB") else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    if mode == "LAB":
        notes.append(say("note.images.lab_colours_converted"))
        return _transform(image, ImageCms.createProfile("LAB"))
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = source.profile.xcolor_space.strip()
            if {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}[mode] == space:
                done = _transform(image, source)
                if mode == "CMYK" or ImageChops.difference(done, image.convert("RGB")).getbbox():
                    notes.append(say("note.images.colours_converted_srgb"))
                return done
            notes.append(say("note.images.embedded_icc_profile"))
        except (ImageCms.PyCMSError, OSError, ValueError, AttributeError):
            notes.append(say("note.images.embedded_icc_profile_ignored"))
    if mode == "CMYK":
        notes.append(say("note.images.cmyk_converted_plain"))
    return image.convert("RGB")


def _transform(image: Image.Image, source) -> Image.Image:
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB",
                                     renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC)


def _deep_grey(image: Image.Image, notes: list[str]) -> np.ndarray:
    """16- and 32-bit grey as 8-bit: 0..65535 (or 0..1 for floats) onto 0..255, rounded."""
    values = np.asarray(image)
    if image.mode == "F":
        values = np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0)
        top = 1.0 if values.max(initial=0) <= 1.0 else 255.0 if values.max() <= 255 else 65535.0
        notes.append(say("note.images.floating_point_grey", top=top))
    else:
        top = 255.0 if image.mode == "I" and values.max(initial=0) <= 255 else 65535.0
        notes.append(say("note.images.16_bit_grey"))
    out = np.empty((*values.shape, 3), np.uint8)
    for first in range(0, len(values), 256):  # in strips, so that a large scan stays within the memory limit
        strip = np.clip(values[first:first + 256].astype(np.float32) / top, 0, 1)
        out[first:first + 256] = np.round(strip * 255).astype(np.uint8)[..., None]
    return out
