"""Was this image made from a known seed? The form of a scan, and what scans found."""

from __future__ import annotations

import streamlit as st

from explorer.findings.scan_words import scan_limits
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import RecoverSeed
from explorer.records.scans import SeedMatch, SeedScan, claims_of
from explorer.records.scores import SCORES, shown
from pages.shared import state
from pages.shared.texts import say
from pages.tasks import submit

SOURCES = ("torch-cpu", "cuda-philox", "a1111-nv-philox")
_MANY = 1_000_000
_SCORE = "tiled_l2"


def part(here: state.Here) -> None:
    """Folded away: range, generators, start; and the scans so far, the newest first."""
    case, subject = here.open_case, here.open_subject
    with st.expander(say("seeds.title"), icon=":material/fingerprint:"):
        st.markdown(say("seeds.text"))
        first, count = st.columns(2)
        start = first.number_input(say("seeds.first"), 0, 2**53 - 1, 0, key="scan_first")
        many = count.number_input(say("seeds.count"), 1, 2**32, _MANY, key="scan_count")
        sources = st.pills(say("seeds.sources"), SOURCES, selection_mode="multi", default=SOURCES[:1],
                           format_func=lambda s: say(f"noise_source.{s}"), key="scan_sources")
        busy = bool(submit.active(here, "RecoverSeed"))
        if st.button(say("seeds.start"), key="scan_start", disabled=busy or case.read_only or not sources):
            submit.submit(here, RecoverSeed(case.id, subject.id, new_search_id(), start, start + many,
                                          tuple(sources), here.settings.model))
            st.rerun(scope="app")
        scans = case.records(SeedScan, subject_id=subject.id)
        claims, tried = claims_of(scans), sum(scan.tried for scan in scans)
        for match in claims:
            _claim(match, tried)
        for scan in reversed(scans):
            _result(scan)
        if scans:
            st.caption(scan_limits())


def _result(scan: SeedScan) -> None:
    if not scan.done:
        st.caption(say("seeds.partly", first=scan.first, last=scan.next_seed - 1, all=scan.stop - scan.first))
    elif not scan.claims:
        highest = f"{scan.matches[0].correlation:.3f}" if scan.matches else "0"
        st.markdown(say("seeds.none", first=scan.first, last=scan.stop - 1, tried=f"{scan.tried:,}",
                        correlation=highest))


def _claim(match: SeedMatch, tried: int) -> None:
    line = say("statement.scan.contains", seed=match.seed, source=say(f"noise_source.{match.source}"),
               correlation=f"{match.correlation:.3f}", tried=f"{tried:,}", chance=f"{match.chance:.1e}")
    if _SCORE in match.closeness:
        line += " " + say("seeds.replayed", label=SCORES[_SCORE].label,
                          value=shown(_SCORE, match.closeness[_SCORE]))
    st.markdown(line)
