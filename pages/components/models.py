"""The table of models that the workspace knows, and what the worker holds in memory."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.tasks import InspectModel
from explorer.records import ModelInfo, from_json
from pages.components import widgets, work
from pages.components.state import Here
from pages.components.texts import plain, say, size


def known(now: Here) -> None:
    """Every model that was looked at, newest knowledge first, with fingerprint, licence and size."""
    found: dict[str, ModelInfo] = {}
    world = work.described(now)
    if world is not None:
        found["world"] = world
    for job in now.queue.recent(limit=200, states=("done",)):
        if isinstance(job.task, InspectModel) and job.result:
            found.setdefault(job.task.model, from_json(ModelInfo, job.result))
    if not found:
        widgets.empty("models")
    for source, info in found.items():
        with st.container(border=True):
            chosen = f" · {say('models.chosen')}" if source == now.settings.model else ""
            st.markdown(f"**{plain(info.name)}**{chosen}")
            st.markdown(say("models.facts", source=plain(info.source), family=plain(info.family),
                            licence=plain(info.licence), size=size(info.size_bytes), px=info.default_size_px,
                            steps=info.default_steps, guidance=f"{info.default_guidance:g}"))
            st.caption(say("models.fingerprint", value=info.fingerprint))
            for note in info.notes:
                st.caption(plain(note))


def workers(now: Here) -> None:
    """Each worker process: its device, what it does, what it holds in memory."""
    rows = now.queue.workers()
    if not rows:
        st.caption(say("settings.no_workers"))
    for row in rows:
        facts = ", ".join(f"{k}: {v}" for k, v in row.facts.items())
        st.markdown(say("settings.worker", kind=say(f"worker.{row.kind}"), pid=row.pid,
                        device=plain(row.device or "–"), facts=plain(facts) or "–"))
