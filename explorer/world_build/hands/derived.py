"""Pictures made after a work, by changing its vectors: never trained on, each with a known source.

Seven kinds, each in three grades: a new palette, shapes left out, shapes moved, mirrored, outlines drawn
anew, another background, merged with another drawing. What is drawn follows from source, kind, grade and seed.
"""

from __future__ import annotations

import colorsys
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
from PIL import ImageColor

SVG = "http://www.w3.org/2000/svg"
GRADES = (1, 2, 3)
SHAPES = {"path", "circle", "ellipse", "rect", "polygon", "polyline", "line", "use"}
HIDDEN = {"defs", "clipPath", "mask", "linearGradient", "radialGradient", "symbol", "pattern", "filter", "style"}
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b|#[0-9a-fA-F]{3}\b")
ET.register_namespace("", SVG)
ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
Change = Callable[[ET.Element, int, np.random.Generator, "ET.Element | None"], None]


def derive(svg: str, kind: str, grade: int, seed: int, other: str | None = None) -> str:
    """SVG of a picture made after `svg`; `other` is the drawing that kind "merged" takes a part from."""
    root = ET.fromstring(svg)
    rng = np.random.default_rng([seed, list(KINDS).index(kind), grade])
    KINDS[kind](root, grade, rng, ET.fromstring(other) if other else None)
    return ET.tostring(root, encoding="unicode")


def box(root: ET.Element) -> tuple[float, float, float, float]:
    """Left, top, width, height of the view box."""
    left, top, width, height = (float(v) for v in root.get("viewBox", "0 0 1 1").split())
    return left, top, width, height


def shapes(root: ET.Element) -> list[tuple[ET.Element, ET.Element]]:
    """(parent, shape) of every shape that is drawn, in the order of drawing."""
    found = []

    def walk(parent: ET.Element) -> None:
        for child in parent:
            tag = child.tag.rsplit("}", 1)[-1]
            if tag in SHAPES:
                found.append((parent, child))
            elif tag not in HIDDEN:
                walk(child)

    walk(root)
    return found


def _palette(root: ET.Element, grade: int, rng: np.random.Generator, _) -> None:
    """Turns every hue, more with the grade; the highest gives each colour a turn of its own."""
    turn = {1: 0.08, 2: 0.25, 3: 0.5}[grade] * rng.choice((-1, 1))
    own: dict[str, float] = {}

    def changed(match: re.Match) -> str:
        red, green, blue = (v / 255 for v in ImageColor.getrgb(match.group())[:3])
        hue, light, strength = colorsys.rgb_to_hls(red, green, blue)
        by = turn if grade < 3 else own.setdefault(match.group().lower(), float(rng.uniform(0.2, 0.8)))
        if strength < 0.05 and grade == 3 and 0.05 < light < 0.95:
            strength = 0.4  # greys are coloured too
        return "#" + "".join(f"{round(255 * v):02x}" for v in colorsys.hls_to_rgb((hue + by) % 1, light, strength))

    for element in root.iter():
        for name, value in element.attrib.items():
            if "href" not in name and "url(" not in value:
                element.set(name, COLOUR.sub(changed, value))
        if element.tag.endswith("style") and element.text:
            element.text = COLOUR.sub(changed, element.text)


def _left_out(root: ET.Element, grade: int, rng: np.random.Generator, _) -> None:
    """Removes an eighth, a quarter or a half of the shapes, one at least, never all."""
    found = shapes(root)
    number = min(len(found) - 1, max(1, round(len(found) * {1: 0.125, 2: 0.25, 3: 0.5}[grade])))
    for n in rng.permutation(len(found))[:max(0, number)]:
        parent, shape = found[n]
        parent.remove(shape)


def _moved(root: ET.Element, grade: int, rng: np.random.Generator, _) -> None:
    """Moves every second shape by up to 4, 8 or 16% of the side."""
    _, _, width, height = box(root)
    reach = {1: 0.04, 2: 0.08, 3: 0.16}[grade]
    found = shapes(root)
    for n in rng.permutation(len(found))[:max(1, len(found) // 2)]:
        right, down = rng.uniform(-reach, reach, 2) * (width, height)
        _transform(found[n][1], f"translate({right:.2f} {down:.2f})")


def _mirrored(root: ET.Element, grade: int, rng: np.random.Generator, _) -> None:
    """Mirrors the drawing; with the grade it is turned by some degrees and made smaller as well."""
    left, top, width, height = box(root)
    degrees, size = {1: 0, 2: 8, 3: 20}[grade] * float(rng.choice((-1, 1))), {1: 1.0, 2: 0.92, 3: 0.8}[grade]
    x, y = left + width / 2, top + height / 2
    _wrap(root, f"translate({x} {y}) rotate({degrees}) scale({-size} {size}) translate({-x} {-y})")


def _outlines(root: ET.Element, grade: int, rng: np.random.Generator, _) -> None:
    """Draws every outline anew: thicker with the grade, the fills washed out or gone in the higher ones."""
    _, _, width, _ = box(root)
    ink = rng.choice(("#1a1a1a", "#22223b", "#3b1f0b"))
    for _, shape in shapes(root):
        shape.attrib.pop("style", None)
        shape.set("stroke", str(ink))
        shape.set("stroke-width", f"{width * {1: 0.012, 2: 0.02, 3: 0.028}[grade]:.3f}")
        shape.set("stroke-linejoin", "round")
        if grade > 1:
            shape.set("fill-opacity", {2: "0.45", 3: "0"}[grade])


def _background(root: ET.Element, grade: int, rng: np.random.Generator, _) -> None:
    """Puts the drawing on a pale tint, on a strong colour, or on a pattern of two colours."""
    left, top, width, height = box(root)
    hue = float(rng.random())
    light = {1: 0.9, 2: 0.55, 3: 0.65}[grade]
    parts = [_rect(left, top, width, height, _hex(hue, light))]
    if grade == 3:
        step = width / 6
        parts += [_rect(left + (2 * k + row % 2) * step, top + row * step, step, step, _hex(hue + 0.4, 0.4))
                  for row in range(6) for k in range(3)]
    for n, part in enumerate(parts):
        root.insert(n, part)


def _merged(root: ET.Element, grade: int, rng: np.random.Generator, other: ET.Element | None) -> None:
    """Puts another drawing beside it, smaller: over a quarter, two fifths or half of the side."""
    if other is None:
        raise ValueError("kind 'merged' needs another drawing")
    left, top, width, height = box(root)
    x0, y0, w, h = box(other)
    share = {1: 0.28, 2: 0.4, 3: 0.55}[grade]
    size = share * min(width / w, height / h)
    right, down = (float(v) for v in rng.integers(0, 2, 2) * (1 - share))
    part = ET.SubElement(root, f"{{{SVG}}}g")
    part.set("transform", f"translate({left + right * width} {top + down * height}) scale({size}) "
                          f"translate({-x0} {-y0})")
    part.extend(_renamed(other))


def _renamed(other: ET.Element) -> list[ET.Element]:
    """Children of a drawing with identifiers of their own, so that gradients do not mix."""
    names = {e.get("id"): f"other-{e.get('id')}" for e in other.iter() if e.get("id")}
    for element in other.iter():
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, names[value])
            elif key.endswith("href") and value[1:] in names:
                element.set(key, "#" + names[value[1:]])
            else:
                element.set(key, re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{names.get(m[1], m[1])})", value))
    return list(other)


def _rect(x: float, y: float, width: float, height: float, fill: str) -> ET.Element:
    return ET.Element(f"{{{SVG}}}rect", {"x": f"{x}", "y": f"{y}", "width": f"{width}", "height": f"{height}",
                                         "fill": fill})


def _hex(hue: float, light: float) -> str:
    return "#" + "".join(f"{round(255 * v):02x}" for v in colorsys.hls_to_rgb(hue % 1, light, 0.7))


def _transform(element: ET.Element, first: str) -> None:
    element.set("transform", f"{first} {element.get('transform', '')}".strip())


def _wrap(root: ET.Element, transform: str) -> None:
    """Puts everything that is drawn into one transformed group."""
    group = ET.Element(f"{{{SVG}}}g", {"transform": transform})
    for child in list(root):
        if child.tag.rsplit("}", 1)[-1] not in HIDDEN:
            root.remove(child)
            group.append(child)
    root.append(group)


KINDS: dict[str, Change] = {"palette": _palette, "left_out": _left_out, "moved": _moved, "mirrored": _mirrored,
                            "outlines": _outlines, "background": _background, "merged": _merged}
