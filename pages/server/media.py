"""Pictures and downloads of a server that several people share: handed only to those whose screens made them.

Streamlit serves them under addresses that know no owner. Here each file remembers the people in whose
sessions it was made, and a request is answered only for one of them. What is drawn before a login, such as
the logo, is everybody's. See serving.py.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime import Runtime, runtime
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx
from streamlit.web.server.starlette.starlette_websocket import USER_COOKIE_NAME, _get_signed_cookie_with_chunks

from pages.server import login

MEDIA = "media"


class OwnedFiles(MediaFileManager):
    """Streamlit's files of all sessions; `owners` holds the people of each, "" for everybody."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owners: defaultdict[str, set[str]] = defaultdict(set)
        self._people: dict[str, str] = {}  # session -> person, for downloads that are made when asked for

    def add(self, *args: Any, **kwargs: Any) -> str:
        return self._own(super().add(*args, **kwargs), _here()[1])

    def may_read(self, url: str, person: str) -> bool:
        """Whether this person, "" for one who is not logged in, may have the file."""
        return not self.owners.get(_file_id(url), set()).isdisjoint(("", person))

    def add_deferred(self, *args: Any, **kwargs: Any) -> str:
        session, person = _here()
        if person is not None:
            self._people[session] = person
        return super().add_deferred(*args, **kwargs)

    def execute_deferred(self, file_id: str) -> str:
        entry = self._deferred_callables.get(file_id)
        session = entry["session_id"] if entry else ""
        return self._own(super().execute_deferred(file_id), self._people.get(session))

    def remove_orphaned_files(self) -> None:
        super().remove_orphaned_files()
        for gone in [i for i in list(self.owners) if i not in self._file_metadata]:
            self.owners.pop(gone, None)
        for session in [s for s in list(self._people) if s not in self._deferred_ids_by_session]:
            self._people.pop(session, None)

    def _own(self, url: str, person: str | None) -> str:
        if person is not None:
            self.owners[_file_id(url)].add(person)
        return url


class OwnMedia:
    """The server's layer that refuses a file to everybody but its owners, as if it were not there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        asked = scope["type"] == "http" and f"/{MEDIA}/" in path and login.is_on()
        if asked and not Runtime.instance().media_file_mgr.may_read(path, person_of(Request(scope).cookies)):
            await PlainTextResponse("File not found", status_code=404)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def guard() -> None:
    """Makes Streamlit keep its files with their owners; to be called before the server starts."""
    runtime.MediaFileManager = OwnedFiles


def is_guarded() -> bool:
    """Whether this server keeps its files with their owners."""
    return Runtime.exists() and isinstance(Runtime.instance().media_file_mgr, OwnedFiles)


def person_of(cookies: Mapping[str, str]) -> str:
    """The person whom the signed login cookie names; "" without a sound one."""
    signed = _get_signed_cookie_with_chunks(dict(cookies), USER_COOKIE_NAME)
    try:
        told = json.loads(signed) if signed else {}
    except ValueError:
        return ""
    return login.identity(told) if isinstance(told, dict) and told.get("is_logged_in") is True else ""


def _here() -> tuple[str, str | None]:
    """This run's session and person, who is "" before the login; None outside any run."""
    context = get_script_run_ctx()
    return (context.session_id, login.identity(context.user_info)) if context is not None else ("", None)


def _file_id(url: str) -> str:
    """The name under which the storage knows a file: the last part of its address, without an ending."""
    return url.rpartition("/")[2].partition(".")[0]
