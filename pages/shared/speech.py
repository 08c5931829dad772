"""In which language a session is: as its address asks (`?lang=de`), else as the settings say."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import texts
from explorer.settings import load_settings

_KEY = "language"


def listen() -> None:
    """At the start of a screen: takes up what its address asks for, and lets this process's texts ask here."""
    asked = str(st.query_params.get("lang", ""))
    if asked in texts.languages():
        st.session_state[_KEY] = asked
    elif _KEY not in st.session_state:
        st.session_state[_KEY] = load_settings().language
    texts.ask(spoken)


def spoken() -> str:
    """The language of the session that asks; "" outside of one."""
    return st.session_state.get(_KEY, "") if get_script_run_ctx(suppress_warning=True) else ""


def written() -> str:
    """What a task is told of the session's language: nothing where it is English."""
    return "" if texts.language() == texts.WHOLE else texts.language()


def choose(language: str) -> None:
    """From now on this session is in that language, whatever its address asked."""
    st.query_params.pop("lang", None)
    st.session_state[_KEY] = language
