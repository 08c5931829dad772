"""The answer to "does it come back?": one sentence, one number, the test's own closest replay, its controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.cases.case import Case
from explorer.records import Subject
from pages.findings import answer_parts
from pages.shared import model_names, state, widgets
from pages.shared.texts import known, plain, retold, say
from pages.tasks import submit

if TYPE_CHECKING:  # scipy comes with these: only where there is an answer to draw
    from explorer.findings.among import Among
    from explorer.findings.verdict import Verdict

PAIR_PX = 150


def found(case: Case, subject: Subject) -> tuple[Verdict, ...]:
    """The subject's answers, one a model, the model tested last first; read once as long as the case stays."""
    def read() -> tuple[Verdict, ...]:
        from explorer.findings.verdict import verdicts
        return verdicts(case, subject.id)
    return state.kept("verdicts", case, subject, read)


def in_use(now: state.Here) -> tuple[tuple[Verdict, ...], tuple[Verdict, ...]]:
    """The answer under the model in use, and those under other models.

    Of a case that one only reads, and of an example, the newest goes first: it was not made with a choice of today.
    """
    every = found(now.open_case, now.open_subject)
    if now.open_case.read_only or now.open_subject.origin == "example":
        return every[:1], every[1:]
    info = submit.model_info(now) if every else None
    mine = tuple(v for v in every if v.model.source == now.settings.model
                 or (info is not None and v.model.fingerprint == info.fingerprint))
    return mine[:1], tuple(v for v in every if v not in mine[:1])


def draw(case: Case, subject: Subject, one: Verdict, *, key: str = "verdict") -> None:
    """The whole card. The answer's place on the page is that of the container named `key`."""
    with st.container(border=True, key=f"{key}_card"):
        with st.container(key=f"{key}_answer", gap="xsmall"):
            st.caption(say("verdict.question"))
            st.subheader(_title(one), anchor=False)
            _line(one)
        with st.container(horizontal=True, gap="medium", key=f"{key}_places"):
            with st.container(width=2 * PAIR_PX + 16):
                _pair(case, subject, one)
            if one.controls is not None and one.p is not None:
                with st.container():
                    _dots(one, key=f"{key}_dots_{one.test.id}")
        st.caption(_tested(one))


def _title(one: Verdict) -> str:
    key = f"verdict.{one.kind}"
    return say(key) if known(key) else plain(retold(one.why))


def _line(one: Verdict) -> None:
    """One number with the sentence that says what it counts; where nothing is decided, why."""
    if one.p is None or one.controls is None:
        if known(f"verdict.{one.kind}"):
            st.markdown(_undecided(one))
        return
    found = _among(one)
    key = "verdict.line" if one.test.features and found.unit != "score" else "verdict.line_plain"
    answer_parts.count(one.p, say(key, at_least=found.at_least, controls=len(found.theirs)),
                       tip=say("verdict.p_help"))
    if one.q is not None:
        st.caption(say("portfolio.caution_q", n=one.works, q=f"{one.q:.3f}"))


def _undecided(one: Verdict) -> str:
    if one.kind == "set_does_not_fit":
        return say("portfolio.caution_no_p", n=one.works, why=plain(retold(one.why)))
    key = f"verdict.{one.kind}_text"
    return say(key) if known(key) else plain(retold(one.why))


def _pair(case: Case, subject: Subject, one: Verdict) -> None:
    """The picture and the test's own closest replay, each with its name, side by side on a phone too."""
    with st.container(horizontal=True, gap="small"):
        shown = [(say("verdict.mine"), subject.pixels_sha256, say("subject.alt", name=subject.name))]
        if one.replay is not None:
            shown.append((say("verdict.replay", seed=one.replay.recipe.seed), one.replay.image_sha256,
                          say("verdict.replay_alt")))
        for label, blob, alt in shown:
            with st.container(width=PAIR_PX, gap="xsmall"):
                widgets.thumbnail(case, blob, alt=alt, width_px=PAIR_PX)
                st.caption(label)


def _among(one: Verdict) -> Among:
    from explorer.findings.among import among
    return among(one.test, one.controls, one.p)


def _dots(one: Verdict, *, key: str) -> None:
    """Each control as a dot and the picture as a diamond, the closer the farther right."""
    found = _among(one)
    answer_parts.dots(found.mine, found.theirs, axis=say(f"verdict.axis_{found.unit}"), turned=found.turned,
                      alt=say("verdict.dots_alt", at_least=found.at_least, controls=len(found.theirs)), key=key)


def _tested(one: Verdict) -> str:
    """What was tested, and what this answer does not show."""
    how = say("verdict.how", model=plain(model_names.of(one.model)), seeds=one.test.effort.tries)
    limit = f"verdict.{one.kind}_limit"
    return " ".join([how, say(limit)] if known(limit) else [how])
