"""The gallery of replays: which search, sorted and filtered by any score, marks, near copies left out, pages."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from explorer.cases import marks
from explorer.cases.case import Case
from explorer.cases.view import Try
from explorer.findings.gallery import GalleryPage, Wish, gallery_page
from explorer.findings.series import Page, pages_of, started_from
from explorer.findings.verdict import models_of
from explorer.jobs.tasks import RenderExhibit
from explorer.records import ModelRef, Replay, Start, Subject
from explorer.records.scores import SCORES
from pages.replay import replay_cards
from pages.shared import marking, model_names, state, widgets
from pages.shared.texts import say
from pages.tasks import submit

PAGE = 24
MOST_POINTS = 2000
SHOWS = ("all", "starred", "exhibits", "hidden")


@dataclass(frozen=True)
class Shown:
    """What the gallery shows: a wish, the page of it, and what was found."""

    wish: Wish
    page: int
    found: GalleryPage[Replay]
    several: bool  # clicks select, rather than open

    @property
    def search(self) -> str:
        return self.wish.search

    @property
    def score(self) -> str:
        return self.wish.score

    @property
    def replays(self) -> tuple[Replay, ...]:
        return self.found.items


def choose(case: Case, subject: Subject) -> Shown:
    """Draws the choices of search, score, start, filter and page; returns what they select."""
    which, by, turn = st.columns([5, 4, 2], vertical_alignment="bottom")
    search = _search(case, subject, which)
    score = by.selectbox(say("replay.by"), _scores(case, subject), key="by", format_func=lambda n: SCORES[n].label)
    start = st.segmented_control(say("replay.start_from"), ("all", *Start), default="all", required=True,
                                 key="start_from", format_func=lambda s: say(f"start_from.{s}"))
    wish = marking.filter_by(Wish(search, score, None if start == "all" else Start(start)), SHOWS)
    several = st.toggle(say("marks.several"), key="several", help=say("marks.several_help"))
    first = _page(case, subject, wish, 1)
    pages = pages_of(first.total, PAGE)
    page = turn.number_input(say("replay.page", n=pages), 1, pages, 1, key=f"page_{hash(wish)}")
    found = first if page == 1 else _page(case, subject, wish, page)
    return Shown(wish, page, found, several)


def _page(case: Case, subject: Subject, wish: Wish, page: int) -> GalleryPage[Replay]:
    return gallery_page(case, subject, wish, Page(page, PAGE))


def _search(case: Case, subject: Subject, place: st.delta_generator.DeltaGenerator) -> str:
    models = models_of(case, subject.id)
    plans = list(models)
    options = ["", *reversed(plans)]
    wanted = state.remembered("search")
    if wanted and not case.count_replays(search_id=wanted):
        wanted = ""  # ended before its first replay: what other searches made stays in view
    search = place.selectbox(say("replay.which"), options, key=f"which_search_{wanted}_{len(plans)}",
                             index=options.index(wanted) if wanted in options else 0,
                             format_func=lambda i: _search_name(case, models, i))
    if search != wanted:
        state.remember(search=search)
    return search


def _search_name(case: Case, models: dict[str, ModelRef], search: str) -> str:
    """A search by its number, and by its model where the subject was searched with several."""
    if not search:
        return say("replay.all_searches")
    name = say("replay.search_name", n=list(models).index(search) + 1, tries=case.count_replays(search_id=search))
    several = len({m.fingerprint for m in models.values()}) > 1
    return f"{name} · {model_names.of(models[search])}" if several else name


def _scores(case: Case, subject: Subject) -> list[str]:
    """The scores that this subject's replays have, the first ones first."""
    known = next(iter(case.replays(subject.id, limit=1)), None)
    has = known.closeness if known else {}
    return [*replay_cards.FIRST_SCORES, *(n for n in SCORES if n in has and n not in replay_cards.FIRST_SCORES)]


def in_order(case: Case, subject: Subject, shown: Shown) -> list[Try]:
    """The last tries of the search in the order in which they were made, for the plots."""
    last = case.tries(subject.id, score=shown.score, search_id=shown.search or None, newest=MOST_POINTS)
    return started_from(last, shown.wish.start)


def gallery(here: state.Here, shown: Shown) -> str:
    """Draws a page of ranked replays; returns the id of the chosen one, the closest from noise to begin with."""
    case = here.open_case
    stars = set(marks.marked(case, marks.STARRED))
    several = len({m.fingerprint for m in models_of(case, here.open_subject.id).values()}) > 1
    items = [replay_cards.item(case, r, rank, shown.score, starred=r.id in stars,
                               model=model_names.of(r.recipe.model) if several else "")
             for rank, r in enumerate(shown.replays, (shown.page - 1) * PAGE + 1)]
    items = _parted(items, [r.recipe.start(here.open_subject) is Start.NOISE for r in shown.replays])
    ids = {r.id for r in shown.replays}
    wanted = state.remembered("replay")
    picked = wanted if wanted in ids else items[0].id
    key = f"replays_{hash(shown.wish)}_{shown.page}"
    if shown.several:
        _select(here, items, key)
    else:
        picked = widgets.gallery(items, key=key, label=say("replay.gallery"), cell_px=112, chosen=picked)
    if picked != wanted and picked in ids:
        state.remember(replay=picked)
    return picked


def _parted(items: list[widgets.GalleryItem], from_noise: list[bool]) -> list[widgets.GalleryItem]:
    """With a line over the first that was given more than noise; such stand last."""
    at = from_noise.index(False) if False in from_noise else len(items)
    return [replace(one, above=say("replay.given_apart")) if n == at else one for n, one in enumerate(items)]


def _select(here: state.Here, items: list[widgets.GalleryItem], key: str) -> None:
    """The gallery in which clicks select, with what can be done to all that are selected."""
    case = here.open_case
    bar = st.container()
    chosen = widgets.gallery_of_several(items, key=marking.key(key), label=say("replay.gallery"), cell_px=112)
    with bar:
        marking.bar(case, marks.STARRED, marks.HIDDEN, chosen)
        plain = [i for i in chosen if not case.replay(i).exhibit]
        if st.button(say("marks.exhibits", n=len(plain)), icon=":material/verified:", help=say("tip.exhibit"),
                     disabled=case.read_only or not plain, key="mark_exhibits"):
            for replay_id in plain:
                submit.submit(here, RenderExhibit(case.id, replay_id, here.settings.model))
            marking.done()


def counted(found: GalleryPage[Replay]) -> None:
    """How many are shown of how many, and what was left out and why."""
    told = say("replay.count", shown=len(found.items), total=found.total)
    if len(found.items) < found.total:
        told += " " + say("replay.others", tools=say("replay.tools"))
    st.caption(told)
    marking.left_out(found.hidden, found.copies)


