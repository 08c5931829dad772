"""What an incidence plan declares, on the screen: populations, works, rule, draw and looks."""

from __future__ import annotations

import secrets

import streamlit as st

from explorer.evidence.incidence import prompts_needed
from explorer.evidence.incidence_words import planned_words
from explorer.evidence.populations import read_population
from explorer.jobs.tasks import RunIncidence
from explorer.records.incidence_settings import CARLINI, DESIGNS, KINDS, IncidenceSettings, PopulationAsked
from explorer.settings import WORLD
from explorer.world.figures import read_card
from pages.shared import pickers, state
from pages.shared.texts import plain, say
from pages.tasks import submit

MADE = ("captions", "rewordings")
MOST = 3  # populations a plan, on the screen


def new_case(now: state.Here) -> None:
    """A case for incidence alone, where none is open."""
    title = st.text_input(say("case.title"), key="incidence_title", max_chars=120)
    if st.button(say("incidence.new_case"), type="primary", disabled=not title.strip()):
        state.go("incidence", case_id=now.store.create(title).id)


def draw(now: state.Here) -> None:
    """The form. Everything in it goes on record before the first replay."""
    question = st.text_input(say("incidence.question"), key="incidence_question", max_chars=300)
    many = int(st.number_input(say("incidence.populations"), 1, MOST, 1, key="incidence_many"))
    found = [_population(now, n) for n in range(many)]
    works = _works(now)
    absolute, margin = _rule(works)
    design, looks, enough = _drawing()
    left, right = st.columns(2)
    seeds = int(left.number_input(say("incidence.seeds"), 1, 1000, 16, key="incidence_seeds"))
    steps = int(right.number_input(say("incidence.steps"), 0, 200, 0, key="incidence_steps",
                                   help=say("incidence.steps_help")))
    limit = st.number_input(say("incidence.limit"), 0.01, 50.0, 1.0, key="incidence_limit",
                            help=say("incidence.limit_help")) / 100
    st.markdown(planned_words(prompts_needed(limit=limit)))
    ready = [p for p in found if p is not None]
    names = {p.name for p in ready}
    if st.button(say("incidence.start"), type="primary", icon=":material/play_arrow:",
                 disabled=len(ready) < many or len(names) < many or not works):
        submit.submit(now, RunIncidence(
            now.open_case.id, secrets.token_hex(8), IncidenceSettings(
                tuple(ready), question.strip(), works, rivals=_rivals(now, works), absolute=absolute, margin=margin,
                seeds=seeds, steps=steps, design=design, limit=limit, looks=looks, enough=enough),
            now.settings.model, now.settings.clip))
        st.rerun()


def _population(now: state.Here, number: int) -> PopulationAsked | None:
    """One population; None before it is whole."""
    with st.container(border=True):
        name, side, kind = st.columns(3)
        called = name.text_input(say("incidence.name"), key=f"population_{number}", max_chars=80)
        by = side.text_input(say("incidence.side"), key=f"side_{number}", max_chars=80,
                             help=say("incidence.side_help"))
        what = kind.selectbox(say("incidence.kind"), KINDS, key=f"kind_{number}",
                              format_func=lambda k: say(f"incidence_kind.{k}"))
        file = st.file_uploader(say("incidence.file"), type=["txt", "csv", "tsv", "jsonl", "json"],
                                key=f"file_{number}", help=say("incidence.file_help"))
        if file is None:
            if what not in MADE or not called.strip():
                return None
            st.caption(say("incidence.made"))
            return PopulationAsked(called.strip(), what, by.strip())
        data = file.getvalue()
        rows = read_population(data, name=file.name)
        st.caption(say("incidence.read", n=len(rows), first=plain(rows[0].prompt[:120])))
        if not called.strip():
            return None
        return PopulationAsked(called.strip(), what, by.strip(), now.open_case.put_blob(data))


def _works(now: state.Here) -> str:
    """Where the protected works are: the case's pictures, the collection in use, or a folder."""
    ways = ("case", "collection", "folder") if now.open_case.subjects() else ("collection", "folder")
    way = st.segmented_control(say("incidence.works"), ways, default=ways[0], required=True, key="incidence_works",
                               format_func=lambda w: say(f"incidence.works_{w}"), help=say("incidence.works_help"))
    if way == "folder":
        return pickers.folder(now, "incidence", now.settings.roots)
    return "case" if way == "case" else now.settings.collection


def _rivals(now: state.Here, works: str) -> str:
    """The collection in use gives the case's own pictures others to be told from, where it is on this computer."""
    return "" if works != "case" or "://" in now.settings.collection else now.settings.collection


def _rule(works: str) -> tuple[float, float]:
    """The near-copy rule: the bundled world's own for its works, else Carlini's limit; both can be changed."""
    card = read_card(WORLD) if works in ("world", "case") else None
    left, right = st.columns(2)
    absolute = left.number_input(say("incidence.absolute"), 0.01, 1.0, card.near_copy if card else CARLINI, 0.01,
                                 key=f"near_{works}")
    margin = right.number_input(say("incidence.margin"), 0.0, 1.0, card.margin if card else 0.0, 0.05,
                                key=f"margin_{works}", help=say("incidence.margin_help"))
    return absolute, margin


def _drawing() -> tuple[str, tuple[float, ...], float]:
    """How prompts are drawn, and when results are looked at."""
    with st.expander(say("set.more"), icon=":material/tune:"):
        design = st.selectbox(say("incidence.design"), DESIGNS, key="incidence_design",
                              format_func=lambda d: say(f"incidence.design_{d}"))
        st.caption(say(f"incidence_design.{design}"))
        looks = int(st.number_input(say("incidence.looks"), 1, 5, 1, key="incidence_looks",
                                    help=say("incidence.looks_help")))
        enough = st.number_input(say("incidence.enough"), 0.0, 50.0, 0.0, key="incidence_enough",
                                 disabled=looks == 1) / 100
    return design, tuple((n + 1) / looks for n in range(looks)), enough
