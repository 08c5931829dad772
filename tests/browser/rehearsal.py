"""The guided set-up from a fresh workspace to the first tested picture, in a browser, with every click counted.

`python -m tests.browser.rehearsal [--full] [--pictures OUT]` prints the counts as JSON on its last line. Model and
CLIP come from a hub on this computer: small random ones of Stable Diffusion 1.5's shape, or with `--full` random
ones of full size (2 GB and 1.7 GB): then a card, or hours, are needed after the timed replay (`--until plan`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from explorer.clip.known_clips import KNOWN as CLIPS
from explorer.clip.known_clips import L
from explorer.diffusion.known import KNOWN
from pages.shared.texts import say
from tests.browser.app import browser, running, settled
from tests.shelf import Shelf

MOST_CLICKS, MOST_TYPED = 12, 2
CONTROLS, WORKS = 40, 2
WAIT_MS = 1_200_000
UNLIKE = say("setup.check_work_no", name="", why="").strip("* :.")  # of a work that the controls do not fit


@dataclass
class Counted:
    """A tab whose clicks and typed strings are counted; choosing files in the system's dialogue is one click."""

    page: object
    clicks: int = 0
    typed: int = 0

    def click(self, locator) -> None:
        settled(self.page)
        locator.click()
        self.clicks += 1

    def type(self, locator, text: str) -> None:
        settled(self.page)
        locator.fill(text)
        locator.press("Enter")
        self.typed += 1

    def choose(self, locator, files: list[str]) -> None:
        settled(self.page)
        locator.set_input_files(files)
        self.clicks += 1


def rehearse(page, url: str, *, works: list[str], controls: str, until: str = "answer",
             look=lambda name: None) -> dict:
    """Walks from the start page to the first tested picture; returns what it took.

    `until` "plan" ends with the timed replay, "run" with the start, after which nothing is left to press. `look`
    is called with a name at each step.
    """
    person, began = Counted(page), time.monotonic()
    page.goto(url)
    settled(page)
    look("start")
    person.click(page.get_by_role("link", name=say("start.which_real")))
    page.get_by_role("heading", name=say("setup.title"), exact=True, level=1).wait_for()
    person.choose(page.locator('.st-key-decision_works input[type="file"]'), works)
    person.click(page.get_by_role("button", name=say("begin.add", n=len(works))))
    page.get_by_text("in the case").wait_for()
    person.type(page.get_by_label(say("setup.controls_label"), exact=True), controls)
    fits, unlike = (page.get_by_text(text) for text in (say("setup.check_fits", n=len(works)), UNLIKE))
    fits.or_(unlike).first.wait_for(timeout=WAIT_MS)
    assert fits.count(), unlike.first.inner_text()
    person.click(page.locator('.st-key-setup_seeds [role="radiogroup"] label').first)
    look("decide")
    person.click(page.get_by_role("button", name=say("setup.go_on")))
    look("fetch")
    person.click(page.get_by_role("button", name=say("setup.fetch_go")))
    page.get_by_text("that was measured on this computer").wait_for(timeout=WAIT_MS)
    settled(page)
    look("plan")
    told = {"planned_s": round(time.monotonic() - began, 1)}
    if until != "plan":
        person.click(page.get_by_role("button", name=say("setup.start")))
        page.get_by_text(say("setup.close")).wait_for(timeout=WAIT_MS)
        look("run")
    if until == "answer":
        page.get_by_role("button", name=say("setup.open")).first.wait_for(timeout=WAIT_MS)
        look("answer")
    return {"setup_clicks": person.clicks, "typed_strings": person.typed} | told | {
        "elapsed_s": round(time.monotonic() - began, 1), "reached": until}


def small(folder: Path) -> dict[str, Path]:
    """Repository → folder of a small random pipeline and CLIP, under the names of the real ones."""
    from tests.clip.conftest import write_clip
    from tests.diffusion import tiny
    tiny.pipeline("sd1-kl", folder / "tokens").save_pretrained(folder / "sd", safe_serialization=True)
    return {KNOWN[0].id: folder / "sd", CLIPS[L].repo: write_clip(folder / "clip")}


def full(folder: Path, *, side_px: int = 512) -> dict[str, Path]:
    """The same with random weights of full size: Stable Diffusion 1.5 in half precision, CLIP ViT-L/14.

    `side_px` is what the pipeline names as its pictures' side; the networks are the same at any.
    """
    import diffusers
    import open_clip
    import torch
    import transformers
    from safetensors.torch import save_file

    from explorer.diffusion.published import CONFIGS, write_configs
    model = write_configs("sd1", folder / "sd")
    for role, config in CONFIGS["sd1"].items():
        if role == "scheduler":
            continue
        if role == "unet":
            config = config | {"sample_size": side_px // 8}
        torch.manual_seed(0)
        library = transformers if role.startswith("text") else diffusers
        kind = getattr(library, config.get("_class_name") or config["architectures"][0])
        made = kind(transformers.CLIPTextConfig(**config)) if library is transformers else kind.from_config(config)
        made.half().save_pretrained(model / role, variant="fp16", safe_serialization=True)
        del made
    config = open_clip.get_model_config("ViT-L-14") | {"quick_gelu": True}
    clip = folder / "clip"
    clip.mkdir()
    (clip / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    torch.manual_seed(0)
    save_file({k: v.contiguous() for k, v in open_clip.CLIP(**config).state_dict().items()},
              str(clip / "open_clip_model.safetensors"))
    return {KNOWN[0].id: model, CLIPS[L].repo: clip}


def own_pictures(folder: Path, *, size_px: int = 96) -> tuple[list[str], str]:
    """Works and a folder of controls of one kind: patches of colour with noise, a different one each."""
    draw = np.random.default_rng(13)  # at 96 and at 512 pixels both works are then of the controls' kind
    controls = folder / "controls"
    controls.mkdir()
    paths = [folder / f"work{n}.jpg" for n in range(WORKS)] + [controls / f"{n:03}.jpg" for n in range(CONTROLS)]
    for path in paths:
        patches = draw.integers(0, 256, (6, 6, 3), np.uint8)
        rgb = np.asarray(Image.fromarray(patches).resize((size_px, size_px), Image.BICUBIC), float)
        rgb += draw.normal(0, 12, rgb.shape)
        Image.fromarray(rgb.clip(0, 255).astype(np.uint8)).save(path, quality=92)
    return [str(p) for p in paths[:WORKS]], str(controls)


@contextlib.contextmanager
def fresh(folder: Path, repositories: dict[str, Path]) -> Iterator[str]:
    """The app on a fresh workspace in `folder`, with a hub of these repositories in place of the real one."""
    shelf, before = Shelf(repositories), os.environ.get("HF_ENDPOINT")
    os.environ["HF_ENDPOINT"] = shelf.url
    try:
        with running(folder / "home") as app:
            yield app.url
    finally:
        shelf.close()
        os.environ.pop("HF_ENDPOINT")
        if before is not None:
            os.environ["HF_ENDPOINT"] = before


def counted(folder: Path, *, until: str = "run") -> dict:
    """`setup_clicks` and `typed_strings` of a rehearsal with small models in an empty `folder`."""
    works, controls = own_pictures(folder)
    with fresh(folder, small(folder)) as url, browser() as chrome:
        page = chrome.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(300_000)
        return rehearse(page, url, works=works, controls=controls, until=until)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--side", type=int, default=512, help="of the full-size model's pictures, in pixels")
    parser.add_argument("--until", choices=("plan", "run", "answer"), default="answer")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--widths", nargs="*", type=int, default=[1280])
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    works, controls = own_pictures(folder, size_px=512 if given.full else 96)
    made = full(folder, side_px=given.side) if given.full else small(folder)
    with fresh(folder, made) as url, browser() as chrome:
        page = chrome.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(300_000)

        def look(name: str) -> None:
            if given.pictures:
                _look(page, given.pictures, name, given.widths)

        told = rehearse(page, url, works=works, controls=controls, until=given.until, look=look)
    print(json.dumps(told | {"full": given.full, "home": str(folder / "home")}))


def _look(page, out: Path, name: str, widths: list[int]) -> None:
    """A picture of the page at each width, as tall as it is."""
    out.mkdir(parents=True, exist_ok=True)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(1200)
        height = page.evaluate("() => document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
        page.set_viewport_size({"width": width, "height": min(int(height) + 20, 6000)})
        page.wait_for_timeout(600)
        page.screenshot(path=str(out / f"{name}-{width}.png"))
    page.set_viewport_size({"width": 1280, "height": 900})


if __name__ == "__main__":
    main()
