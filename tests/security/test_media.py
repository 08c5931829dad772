"""Pictures and downloads of a shared server: each person's own, the login page's everybody's."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from pages.server import media
from tests.benchmarks.logins import EMAIL, ISSUER, person

ADA, BOB = person("ada"), person("bob")


@pytest.fixture
def files(monkeypatch):
    """The manager, and a way to be somebody: a session of their name, and their login."""
    found = media.OwnedFiles(MemoryMediaFileStorage("/media"))

    def become(name: str) -> media.OwnedFiles:
        told = dict(zip(("iss", "sub"), name.split("#"), strict=True)) if name else {}
        context = SimpleNamespace(session_id=f"session of {name}", user_info=told)
        monkeypatch.setattr(media, "get_script_run_ctx", lambda: context)
        monkeypatch.setattr("streamlit.runtime.media_file_manager._get_session_id", lambda: context.session_id)
        return found
    return become


def test_a_file_is_its_persons_own(files):
    hers = files(ADA).add(b"hers", "image/png", "1")
    both = files(ADA).add(b"both", "image/png", "2")
    found = files(BOB)
    assert found.add(b"both", "image/png", "2") == both
    assert [found.may_read(u, w) for u in (hers, both) for w in (ADA, BOB, "")] == [
        True, False, False, True, True, False]


def test_what_is_drawn_before_the_login_is_everybodys(files):
    logo = files("").add(b"logo", "image/png", "1")
    assert all(files(ADA).may_read(logo, who) for who in (ADA, BOB, ""))


def test_a_download_made_when_asked_for_belongs_to_whose_screen_offered_it(files):
    found = files(ADA)
    waiting = found.add_deferred(lambda: b"report", "text/html", "1", "report.html")
    files(BOB)
    address = found.execute_deferred(waiting)
    assert found.may_read(address, ADA) and not found.may_read(address, BOB) and not found.may_read(address, "")
    assert not found.may_read("/media/unknown.png", ADA)


def test_owners_go_with_their_files(files):
    found = files(ADA)
    found.add(b"hers", "image/png", "1")
    found.clear_session_refs()
    found.remove_orphaned_files()
    assert not found.owners


def test_only_a_soundly_signed_cookie_names_a_person(monkeypatch):
    monkeypatch.setattr("streamlit.web.server.starlette.starlette_websocket.get_cookie_secret", lambda: "s" * 32)

    def cookie(secret: str, told: str) -> dict[str, str]:
        return {media.USER_COOKIE_NAME: create_signed_value(secret, media.USER_COOKIE_NAME, told).decode()}
    sound = json.dumps({"is_logged_in": True, "iss": ISSUER, "sub": "ada", "email": EMAIL})
    assert media.person_of(cookie("s" * 32, sound)) == ADA
    unsound = (sound.replace("true", "false"), sound.replace("sub", "sid"), "[]", "{")
    refused = [{}, {media.USER_COOKIE_NAME: sound}, cookie("x" * 32, sound)]
    refused += [cookie("s" * 32, told) for told in unsound]
    assert [media.person_of(c) for c in refused] == [""] * len(refused)
