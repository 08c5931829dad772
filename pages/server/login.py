"""Who is at the screen, where several people share a server: Streamlit's own login, off by default.

It is on when `.streamlit/secrets.toml` has an `[auth]` section. Then nobody sees a page, a case or a job
before logging in, deep links included, and each person sees only what is their own. A person is who issues the
login and the subject that it names, never an e-mail address: those change hands, and some providers let anybody
claim one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.auth_util import get_secrets_auth_section

from pages.shared.texts import say


def is_on() -> bool:
    """Whether this server has a login."""
    return bool(get_secrets_auth_section())


def person() -> str:
    """The one who is logged in, as `identity` has it; "" where login is off.

    Ends the run where it is on and nobody is logged in: no page goes on as nobody.
    """
    if not is_on():
        return ""
    name = identity(st.user) if st.user.is_logged_in else ""
    if not name:
        st.stop()
    return name


def identity(user: Mapping[str, Any]) -> str:
    """Issuer and subject of what a login says, which no two people share; "" where one of them is missing."""
    issuer, subject = user.get("iss"), user.get("sub")
    told = all(isinstance(part, str) and part.strip() for part in (issuer, subject)) and "#" not in issuer
    return f"{issuer}#{subject}" if told else ""  # an issuer has no fragment (OpenID Connect Core 1.0, section 2)


def gate(*, guarded: bool) -> None:
    """Draws the way in, and nothing else, where login is on and nobody is logged in.

    `guarded` says whether pictures and downloads have owners on this server (see media.py).
    """
    if not is_on():
        return
    if not guarded:
        st.error(say("app.login_unguarded"))
    elif not st.user.is_logged_in:
        st.title(say("app.login_title"))
        st.button(say("app.login"), on_click=st.login, type="primary")
    elif not identity(st.user):
        st.error(say("app.login_nameless"))
        st.button(say("app.logout"), on_click=st.logout)
    else:
        return
    st.stop()
