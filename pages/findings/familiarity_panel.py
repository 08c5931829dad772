"""How familiarity was asked, the way to another test, and what the works say together."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.evidence.known_ratio import known_ratios
from explorer.familiarity.familiarity_plan import PLANS, plan_for
from explorer.familiarity.records import BodyTest, FamiliarityTest, KnownControls
from explorer.jobs.tasks import MeasureBody
from explorer.records import Subject
from explorer.settings import WORLD
from pages.findings import known_card, likelihood_panel
from pages.shared import state
from pages.shared.texts import known, plain, retold, say
from pages.tasks import live, submit

TASKS = ("MeasureFamiliarity", "MeasureKnownControls")


def panel(case: Case, subject: Subject) -> None:
    """Folded: how the newest test was made, and the way to another one; follows a running one."""
    if not case.read_only or case.records(FamiliarityTest, subject_id=subject.id):
        live.follow(lambda: _draw(case, subject), *TASKS)


def _draw(case: Case, subject: Subject) -> None:
    here = state.here()
    tests = case.records(FamiliarityTest, subject_id=subject.id)
    with st.expander(say("familiar.title"), icon=":material/psychology:"):
        st.markdown(say("familiar.text"))
        st.caption(say("familiar.back_can"))
        for test in reversed(tests):
            _how(case, test)
        _ratios(case, tests)
        if not case.read_only and not submit.active(here, *TASKS):
            _form(here, case, subject, again=bool(tests))


def _how(case: Case, test: FamiliarityTest) -> None:
    controls = case.record(KnownControls, test.controls_id) if test.controls_id else None
    st.markdown(plain(retold(test.finding.statement)))
    st.caption(say("familiar.how", words=known_card.words(test.words), prompt=plain(test.prompt),
                   controls=plain(controls.source) if controls else say("measured.none"),
                   searches=test.earlier_searches))


def _ratios(case: Case, tests: list[FamiliarityTest]) -> None:
    """The likelihood ratios of the newest test with a p-value, where rates were measured for it."""
    given = [t for t in tests if "p" in t.finding.numbers]
    if not given:
        return
    found = known_ratios(WORLD, given[-1], case.record(KnownControls, given[-1].controls_id))
    st.subheader(say("likelihood.title_known"), anchor=False)
    if found is None or not found.ratios:
        st.markdown(say("likelihood.none"))
    else:
        likelihood_panel.table(found, key=f"known_{given[-1].id}")


def _form(here: state.Here, case: Case, subject: Subject, *, again: bool) -> None:
    own = [words for words in PLANS if words != "caption" or subject.caption]
    words = st.segmented_control(say("familiar.words"), own, default=own[0], required=True, key="known_words",
                                 format_func=lambda name: say(f"familiar.words_{name}"))
    st.markdown(say("familiar.plan", evaluations=plan_for(words).evaluations()))
    if again:
        st.info(say("familiar.exploratory_note"), icon=":material/visibility:")
    if st.button(say("familiar.start"), key=f"known_start_{subject.id}"):
        submit.ask_known(here, case.id, subject.id, words)
        st.rerun()


def signal_rows(case: Case, subject_id: str) -> list[str]:
    """The newest test as a row of the signals' table; none where there is no test."""
    tests = case.records(FamiliarityTest, subject_id=subject_id)[-1:]
    return [f"| {say('familiar.signal')} | {t.value:.4g} | {say('familiar.signal_plain')} | "
            f"{say('familiar.signal_blind')} |" for t in tests]


def body(case: Case) -> None:
    """What a case's works say together, as a body of work, and the button that asks."""
    live.follow(lambda: _body(case), "MeasureBody")


def _body(case: Case) -> None:
    here, tested = state.here(), len(case.records(FamiliarityTest))
    found = {one.of: one for one in case.records(BodyTest)}
    if not found and tested < 2:
        return
    st.header(say("familiar.body"), anchor=False)
    st.caption(say("familiar.body_text"))
    if not found:
        from explorer.familiarity.case_bodies import power_before  # only where there are works to take together
        st.caption(plain(retold(power_before(WORLD, tested, bundled=here.settings.model == "world"))))
    for name, one in found.items():
        with st.container(border=True):
            st.markdown(f"**{say('familiar.body_' + name) if known('familiar.body_' + name) else plain(name)}**")
            st.markdown(plain(retold(one.finding.statement)))
            st.caption(" ".join(plain(retold(line)) for line in (one.power, *one.finding.limits) if line))
    live.panel(here, "MeasureBody")
    if not case.read_only and not submit.active(here, "MeasureBody") and tested > 1 \
            and st.button(say("familiar.body_start"), key="known_body"):
        submit.submit(here, MeasureBody(case.id))
        st.rerun()
