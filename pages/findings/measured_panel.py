"""The measured test on the screen: its plan beforehand, what it found, and how to run one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from explorer.cases.case import Case
from explorer.errors import ExplorerError
from explorer.findings.controls import world_policies
from explorer.findings.finding import ControlResults, ErrorRate, Finding, Measured
from explorer.findings.rates import RULES, stored_groups, stored_result
from explorer.findings.readme_table import table
from explorer.findings.verdict import tested_model
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import MeasureControls, MeasureSubject
from explorer.records import Subject
from explorer.records.policy import PROMPTS, TIERS, Policy, policy_for
from explorer.records.samplers import sampler_label
from explorer.settings import WORLD
from explorer.statistics import smallest_p
from pages.shared import model_names, pickers, state
from pages.shared.texts import known, plain, retold, say
from pages.tasks import live, submit

TASKS = ("MeasureSubject", "MeasureControls")


def panel(case: Case, subject: Subject) -> None:
    """Folded: how each of the subject's measured tests was done, and the way to another one."""
    live.follow(lambda: _draw(case, subject), *TASKS)


def _draw(case: Case, subject: Subject) -> None:
    here = state.here()
    tests = case.records(Measured, subject_id=subject.id)
    if tests:
        with st.expander(say("answer.test"), icon=":material/science:"):
            st.markdown(say("measured.text"))
            for model, done in _by_model(case, tests).items():
                st.markdown(f"**{plain(model_names.short(model))}**")
                for test in reversed(done):
                    _result(case, test, case.record(Finding, test.id))
    if case.read_only or submit.active(here, *TASKS):
        return
    first = here.settings.model not in _by_model(case, tests)
    with st.expander(say("answer.test_first" if first else "answer.test_again"), expanded=first,
                     icon=":material/tune:"):
        _form(here, case, subject, first=first)


def _by_model(case: Case, tests: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Where a model is from → its tests, oldest first."""
    found: dict[str, list[Measured]] = {}
    for test in tests:
        found.setdefault(tested_model(case, test).source, []).append(test)
    return found


def _result(case: Case, test: Measured, found: Finding | None) -> None:
    controls = case.record(ControlResults, test.controls_id) if test.controls_id else None
    with st.container(border=True):
        if found is not None:
            if known(f"measured.{found.kind}"):
                st.markdown(f"**{say(f'measured.{found.kind}')}**")
            st.markdown(plain(retold(found.statement)))
            st.markdown(plain(retold(found.error_rate)))
            if controls and "p" in found.numbers:
                st.markdown(say("measured.raw", controls=len(controls.values),
                                raw=controls.as_close(test.value)))
            st.caption(" ".join(plain(retold(limit)) for limit in found.limits))
        st.caption(say("measured.how", prompt=plain(test.prompt), seeds=test.effort.tries,
                       evaluations=f"{test.effort.unet_evaluations:,}", searches=test.earlier_searches,
                       controls=plain(controls.source) if controls else say("measured.none")))


def _form(here: state.Here, case: Case, subject: Subject, *, first: bool) -> None:
    """What will be done, stated before it is; a second policy on the same picture is exploratory."""
    info = submit.model_info(here)
    if info is None:
        st.caption(say("replay.unknown_model"))
        submit.looked_at(here)
        return
    own = [p for p in PROMPTS if p != "caption" or subject.caption]
    source, tier = st.columns([3, 1])
    against = st.container()
    prompt_from = source.segmented_control(say("measured.prompt"), own, default=own[-1], required=True,
                                           format_func=lambda p: say(f"measured.prompt_{p}"), key="test_prompt")
    world = here.settings.model == "world"
    ways = ("world", "folder", "") if world else ("folder", "")
    way = against.segmented_control(say("measured.controls"), ways, default=ways[0], required=True,
                                    format_func=lambda w: say(f"measured.controls_{w or 'no'}"),
                                    key="test_controls")
    stored = world_policies(WORLD)
    usual = tuple(t for t in TIERS if t > TIERS[0]) if world else TIERS
    seeds = tuple(t for t in usual if way != "world" or Policy(prompt_from, seeds=t).id in stored)
    if not seeds:
        st.warning(say("measured.no_world"))
        return
    tries = tier.selectbox(say("measured.seeds"), seeds, key="test_seeds", help=say("measured.seeds_help"),
                           index=seeds.index(here.settings.test_seeds) if here.settings.test_seeds in seeds else 0)
    policy = policy_for(info, prompt_from=prompt_from, seeds=tries)
    chosen = pickers.folder(here, "controls", here.settings.roots) if way == "folder" else way
    which = say(f"measured.plan_{prompt_from}", seeds=policy.seeds, prompts=policy.prompts)
    st.markdown(say("measured.plan", seeds=which, sampler=sampler_label(policy.scheduler), steps=policy.steps,
                    guidance=f"{policy.guidance:g}", size=info.default_size_px,
                    evaluations=f"{policy.effort(info.family).unet_evaluations:,}"))
    if way == "world":
        count = stored[policy.id]
        st.markdown(say("measured.smallest", controls=count, p=f"{smallest_p(count):.4f}"))
    if not first:
        st.info(say("measured.exploratory_note"), icon=":material/visibility:")
    if st.button(say("measured.start"), type="primary", key="test_start", disabled=way == "folder" and not chosen):
        _start(here, case, subject, policy, chosen)


def _start(here: state.Here, case: Case, subject: Subject, policy: Policy, controls: str) -> None:
    settings, before = here.settings, None
    try:
        if controls not in ("", "world"):
            before = submit.submit(here, MeasureControls(controls, policy, case.id, settings.model, settings.clip))
        submit.submit(here, MeasureSubject(case.id, subject.id, new_search_id(), policy, controls, settings.model,
                                         settings.clip), after=before)
    except ExplorerError as error:
        st.error(plain(str(error)))
        return
    st.rerun()


def rates(world: Path) -> None:
    """The measured error rates of the shipped policies, by level and by kind of work; or that there are none."""
    rows = [f"| {say('measured.prompt_' + p)} | {tier} | {level:g} | {_share(rate)} | {rate.measured_on} "
            f"| {rate.date} |" for p in PROMPTS for tier in TIERS for level in RULES
            for rate in stored_groups(world, Policy(p, seeds=tier), level=level)]
    if rows:
        st.markdown("\n".join([say("measured.rates_head"), "|---|---|---|---|---|---|", *rows]))
    else:
        st.caption(say("measured.rates_none"))
    stored = stored_result(world)
    try:
        rows, alike = table(stored), stored["blind"]["arithmetic"]
    except (KeyError, TypeError):  # none is stored, or of another make: no rate is better than a wrong one
        return
    st.markdown(say("measured.arithmetic", works=alike["works"], ran_as=alike["ran_as"],
                    largest=f"{alike['largest']:.4f}", sides=alike["sides_changed"]))
    st.header(say("measured.others"), anchor=False)
    st.markdown(say("measured.others_text", seeds=stored["seeds"], steps=Policy.steps,
                    guidance=f"{Policy.guidance:g}", date=stored["date"], print=stored["model_fingerprint"][:12]))
    st.markdown(rows)


def _share(rate: ErrorRate) -> str:
    return say("measured.share", share=f"{rate.share:.1%}", cases=rate.cases, low=f"{rate.low:.1%}",
               high=f"{rate.high:.1%}")
