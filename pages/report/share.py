"""Take a view along: its address, and a picture for an article with caption, source and method."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.cases.case import Case
from explorer.cases.exports import is_counsel_only
from explorer.images.decode import open_image, read_png
from explorer.images.formats import MAX_BYTES
from explorer.records import CopyCheck, Recipe, Replay, Subject
from explorer.records.samplers import sampler_label
from explorer.records.scores import SCORES, shown
from explorer.report.press import press_picture
from explorer.search.fit_size import fit
from explorer.world.demonstrations import times_in_training
from pages.replay import replay_cards
from pages.shared import model_names, widgets
from pages.shared.texts import say

SCORE = "tiled_l2"


def draw(case: Case, subject: Subject, replay: Replay, *, title: str, source: str = "") -> None:
    """The address of this view to copy, and a picture of subject and replay for an article.

    `source` says where the subject comes from; by default its name.
    """
    if is_counsel_only(case.folder):
        return
    source = source or say("share.source", name=subject.name)
    _part(replay.id, lambda: _picture(case, subject, replay, title, source), alt=say("share.alt"),
          record=_record(subject, replay.recipe))


def draw_found(case: Case, subject: Subject, seen: CopyCheck) -> None:
    """The same for a picture that the model made from words: beside it, the work most like it."""
    if is_counsel_only(case.folder):
        return
    path, recipe = seen.image_path, subject.recipe
    data = widgets.file_bytes(path, most=MAX_BYTES) if path else b""
    if data and recipe is not None:
        _part(f"{subject.id}_{seen.work_id}", lambda: _found_picture(case, subject, recipe, seen, data),
              alt=say("share.found_alt"), record=_record(subject, recipe))


def _record(subject: Subject, recipe: Recipe) -> str:
    """What an editor may ask for, and a reader would stumble over: the hashes."""
    return say("share.record", sha=subject.sha256, print=recipe.model.fingerprint)


def _part(name: str, make: Callable[[], bytes], *, alt: str, record: str) -> None:
    with st.expander(say("share.title"), icon=":material/share:"):
        if st.context.url:
            st.markdown(say("share.link"))
            st.code(_address(), language=None, wrap_lines=True)
        made = f"share_{name}"
        if st.button(say("share.make"), icon=":material/newspaper:", key=f"make_{made}"):
            st.session_state[made] = make()
        if made in st.session_state:
            widgets.picture(st.session_state[made], alt=alt, width_px=520)
            st.download_button(say("share.save"), st.session_state[made], icon=":material/download:",
                               file_name=f"afterimage-{name[:12]}.png", mime="image/png",
                               on_click="ignore", key=f"save_{made}")
            st.caption(record)


def _address() -> str:
    given = "&".join(f"{k}={v}" for k, v in st.query_params.items())
    return f"{str(st.context.url).split('?')[0]}?{given}"


def _picture(case: Case, subject: Subject, replay: Replay, title: str, source: str) -> bytes:
    recipe = replay.recipe
    start = replay_cards.began(recipe, subject, "share")
    value = replay.closeness.get(SCORE)
    lines = [source, _method(recipe, start, made_by(subject, recipe)),
             say("share.close", label=SCORES[SCORE].label, value=shown(SCORE, value) if value is not None else "–",
                 scale=replay_cards.reading(SCORE), tries=case.count_replays(subject.id)),
             say("share.limits")]
    return press_picture(replay_cards.laid_out(case, subject, replay), read_png(case.blob(replay.image_sha256)),
                         labels=(say("share.left"), say("share.right")), title=title, lines=lines)


def _found_picture(case: Case, subject: Subject, recipe: Recipe, seen: CopyCheck, data: bytes) -> bytes:
    mine = read_png(case.blob(subject.pixels_sha256))
    theirs = fit(open_image(data, name=seen.image_path).rgb, height_px=mine.shape[0], width_px=mine.shape[1])
    creator = seen.creator or say("works.no_creator")
    lines = [say("share.found_source", title=seen.title or say("works.no_title"), creator=creator,
                 collection=say("use.world") if seen.collection == "world" else seen.collection),
             _method(recipe, replay_cards.began(recipe, subject, "share"), _model(recipe)),
             say("share.found_likeness", likeness=f"{seen.likeness:.3f}", limit=f"{seen.limit:.2f}",
                 n=f"{seen.compared:,}"),
             say("share.limits")]
    return press_picture(mine, theirs, labels=(say("share.right"), say("share.found_label")),
                         title=case.title, lines=lines)


def _method(recipe: Recipe, start: str, model: str) -> str:
    return say("share.method", model=model, start=start, prompt=recipe.prompt, seed=recipe.seed, steps=recipe.steps,
               guidance=f"{recipe.guidance:g}", scheduler=sampler_label(recipe.scheduler))


def made_by(subject: Subject, recipe: Recipe) -> str:
    """The model in a reader's words; of a bundled example, how often the bundled model was trained on it."""
    times = times_in_training(subject) if recipe.model.source == model_names.WORLD else None
    if times is None:
        return _model(recipe)
    return say("share.model_seen", n=times) if times else say("share.model_never")


def _model(recipe: Recipe) -> str:
    world = recipe.model.source == model_names.WORLD
    return say("share.model_world") if world else say("share.model", name=model_names.of(recipe.model))
