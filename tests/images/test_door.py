"""The image door: every allowed format and pixel kind comes out as 8-bit sRGB; all else is refused."""

import hashlib
import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from explorer.errors import ExplorerError
from explorer.images.decode import open_image, png_bytes, read_png
from explorer.images.formats import MAX_PIXELS, kind_of, shown_name
from explorer.images.sandbox import Sandbox, SandboxFailure, shared_sandbox


def _gradient(height=40, width=60):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 4, y * 6, np.full_like(x, 90)], axis=-1).astype(np.uint8)


def _saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "options"), [
    ("PNG", {}), ("BMP", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WebP", {"lossless": True})])
def test_lossless_formats_keep_every_pixel(kind, options):
    rgb = _gradient()
    data = _saved(Image.fromarray(rgb), kind, **options)
    picture = open_image(data, name=f"a.{kind}")
    assert np.array_equal(picture.rgb, rgb)
    assert (picture.format, picture.width_px, picture.height_px) == (kind, 60, 40)
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert picture.notes == ()


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"quality": 95, "subsampling": 0}),
                                               ("AVIF", {"quality": 95})])
def test_lossy_formats_stay_near(kind, options):
    rgb = _gradient()
    picture = open_image(_saved(Image.fromarray(rgb), kind, **options))
    assert picture.format == kind
    assert np.abs(picture.rgb.astype(int) - rgb).mean() < 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WebP"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation_is_applied_once(kind, turn):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :24] = (250, 10, 10)  # red top left
    upright[16:, 24:] = (10, 10, 250)  # blue bottom right
    back = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
            5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a, 1),
            7: lambda a: np.rot90(a, 2).transpose(1, 0, 2), 8: lambda a: np.rot90(a, -1)}
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WebP" else {}
    stored = Image.fromarray(np.ascontiguousarray(back[turn](upright)))
    picture = open_image(_saved(stored, kind, exif=exif, **options))
    assert picture.rgb.shape == upright.shape
    assert np.abs(picture.rgb.astype(int) - upright).mean() < 4
    assert any("EXIF" in note for note in picture.notes) == (turn != 1)


def test_transparency_lies_on_white():
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[:, 10:] = (200, 0, 0, 255)
    picture = open_image(_saved(Image.fromarray(rgba), "PNG"))
    assert tuple(picture.rgb[5, 2]) == (255, 255, 255)
    assert tuple(picture.rgb[5, 15]) == (200, 0, 0)
    assert any("white" in note for note in picture.notes)


def test_palette_with_a_transparent_colour():
    image = Image.fromarray(_gradient()).quantize(16)
    data = _saved(image, "PNG", transparency=image.getpixel((0, 0)))
    assert tuple(open_image(data).rgb[0, 0]) == (255, 255, 255)


def test_grey_of_16_bits_is_scaled_and_not_clipped():
    deep = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    for kind in ("PNG", "TIFF"):
        rgb = open_image(_saved(Image.fromarray(deep), kind)).rgb
        assert np.array_equal(rgb[..., 0], np.round(deep / 257).astype(np.uint8))


def test_colour_of_16_bits_is_reduced_and_said():
    rows = b"".join(b"\0" + struct.pack(">6H", 0x1234, 0x8000, 0xFFFF, 0, 0x00FF, 0x7F00) for _ in range(2))
    picture = open_image(_raw_png(2, 2, rows, depth=16))
    assert tuple(picture.rgb[0, 0]) == (0x12, 0x80, 0xFF)
    assert any("16-bit" in note for note in picture.notes)


def test_cmyk_jpeg_becomes_rgb():
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    picture = open_image(_saved(red, "JPEG", quality=95))
    assert picture.rgb[8, 8, 0] > 200
    assert picture.rgb[8, 8, 1] < 60
    assert any("CMYK" in note for note in picture.notes)


def test_icc_profile_is_converted_to_srgb():
    grey = Image.new("RGB", (8, 8), (128, 128, 128))
    linear = _linear_profile()
    picture = open_image(_saved(grey, "PNG", icc_profile=linear))
    assert abs(int(picture.rgb[4, 4, 0]) - 188) <= 2  # linear 0.5 is sRGB 188
    assert any("ICC" in note for note in picture.notes)


def _linear_profile():
    """sRGB's primaries with a linear curve: the sRGB profile with its three curves exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for i in range(struct.unpack(">I", data[128:132])[0]):
        tag, offset, _ = struct.unpack(">4sII", data[132 + 12 * i:144 + 12 * i])
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset:offset + 12] = b"curv" + bytes(8)  # no points: the identity
    return bytes(data)


def test_broken_icc_profile_does_not_lose_the_picture():
    picture = open_image(_saved(Image.fromarray(_gradient()), "PNG", icc_profile=b"nonsense" * 40))
    assert np.array_equal(picture.rgb, _gradient())
    assert any("ICC" in note for note in picture.notes)


@pytest.mark.parametrize("kind", ["GIF", "WebP", "PNG", "TIFF"])
def test_first_picture_of_an_animation(kind):
    first, second = Image.new("RGB", (12, 12), (255, 0, 0)), Image.new("RGB", (12, 12), (0, 0, 255))
    options = {"lossless": True} if kind == "WebP" else {}
    data = _saved(first, kind, save_all=True, append_images=[second], **options)
    picture = open_image(data)
    assert tuple(picture.rgb[0, 0]) == (255, 0, 0)
    assert any("only the first of 2" in note for note in picture.notes)


@pytest.mark.parametrize(("data", "words"), [
    (b"%PDF-1.7\n%\xe2\xe3", "is a PDF, not an image"), (b"", "empty file"), (b"hello", "a text file"),
    (b'<?xml version="1.0"?><svg xmlns=""/>', "SVG"), (b"%!PS-Adobe-3.0 EPSF", "PostScript"),
    (b"PK\x03\x04" + bytes(40), "ZIP"), (b"8BPS" + bytes(30), "Photoshop"),
    (b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", "HEIC"), (b"\xff\x0a" + bytes(30), "JPEG XL"),
    (b"<!DOCTYPE html><html>", "web page"), (bytes(100), "unknown kind")])
def test_other_files_are_refused_in_one_sentence(data, words):
    with pytest.raises(ExplorerError) as caught:
        open_image(data, name="holiday.png")
    text = str(caught.value)
    assert text.startswith("holiday.png is ") and words in text and "PNG" in text
    assert text.count(". ") == 0 and text.endswith(".")


def _raw_png(width, height, rows, *, depth=8, colour=2):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (40_000, 10), (9_000, 9_000)])
def test_bombs_and_huge_sizes_are_refused_before_unpacking(width, height):
    assert width * height > MAX_PIXELS or width > 30_000
    with pytest.raises(ExplorerError, match="pixels"):
        open_image(_raw_png(width, height, bytes(1000)), name="bomb.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP", "GIF", "TIFF", "BMP", "AVIF"])
def test_truncated_and_mutated_files_never_end_the_door(kind):
    data = _saved(Image.fromarray(_gradient()), kind)
    draw = np.random.default_rng(0)
    refused = 0
    for _ in range(12):
        bad = bytearray(data[:int(draw.integers(12, len(data)))])
        bad[int(draw.integers(8, len(bad)))] ^= 0xFF
        try:
            assert open_image(bytes(bad), name="bad").rgb.dtype == np.uint8
        except ExplorerError:
            refused += 1
    assert refused > 0


def test_forty_files_take_one_child_and_little_time():
    data = [_saved(Image.fromarray(_gradient(300 + i, 400)), "JPEG") for i in range(40)]
    open_image(data[0])
    child = shared_sandbox()._child.pid
    start = time.perf_counter()
    assert [open_image(d).height_px for d in data] == [300 + i for i in range(40)]
    assert time.perf_counter() - start < 20  # half a second on an idle machine
    assert shared_sandbox()._child.pid == child


def test_memory_limit_refuses_and_the_next_file_decodes():
    small = Sandbox(memory_mb=400)
    big = _saved(Image.new("RGBA", (7_500, 7_500), (1, 2, 3, 100)), "PNG", compress_level=1)
    try:
        with pytest.raises(ExplorerError, match=r"big\.png .*memory"):
            open_image(big, name="big.png", sandbox=small)
        assert open_image(_saved(Image.fromarray(_gradient()), "PNG"), sandbox=small).height_px == 40
    finally:
        small.close()


def test_a_slow_child_is_ended_and_replaced():
    box = Sandbox(timeout_s=0.0)
    data = _saved(Image.fromarray(_gradient(2000, 2000)), "PNG")
    with pytest.raises(SandboxFailure, match="time"):
        box.call({"op": "decode"}, data)
    assert box._child is None
    with pytest.raises(ExplorerError, match=r"slow\.png took too long"):
        open_image(data, name="slow.png", sandbox=box)
    box.timeout_s = 8.0
    assert open_image(data, sandbox=box).width_px == 2000
    box.close()


def test_a_killed_child_is_replaced():
    box = Sandbox()
    data = _saved(Image.fromarray(_gradient()), "PNG")
    open_image(data, sandbox=box)
    box._child.kill()
    box._child.wait()
    assert open_image(data, sandbox=box).width_px == 60
    box.close()


def test_png_bytes_are_deterministic_and_come_back():
    rgb = _gradient()
    assert png_bytes(rgb) == png_bytes(rgb.copy())
    assert np.array_equal(read_png(png_bytes(rgb, text={"b": "ü", "a": "1"})), rgb)
    with pytest.raises(ValueError, match="uint8"):
        png_bytes(rgb.astype(float))


def test_read_png_refuses_what_png_bytes_did_not_make():
    for bad in (b"x", png_bytes(_gradient())[:-40], _saved(Image.new("P", (3, 3)), "PNG")):
        with pytest.raises(ExplorerError):
            read_png(bad)


def test_names_are_shown_safely():
    assert shown_name("..\\..\\a/b\u202egnp.exe\n") == "bgnp.exe"
    assert len(shown_name("x" * 500)) <= 80
    assert shown_name("") == "The file"


def test_avif_behind_the_general_brand():
    assert kind_of(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "AVIF"
