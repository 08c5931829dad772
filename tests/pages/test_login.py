"""Two people on one server: neither sees a page before logging in, nor anything of the other's."""

from __future__ import annotations

import pytest

from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.jobs import launch
from explorer.jobs.queue import MOST_WAITING, Queue
from explorer.jobs.tasks import EmbedSubject, UnloadModels
from pages.shared.frame import LIBRARY, PATH
from pages.shared.texts import plain, say
from tests.benchmarks.logins import EMAIL, ISSUER, person
from tests.pages.filled import fill
from tests.pages.test_pages import written


@pytest.fixture
def logged_in(monkeypatch):
    """Switches login on, as the person named, with the address that everybody has; "" is nobody."""

    def switch(name: str, *, guarded: bool = True, **told: str) -> None:
        user = {"is_logged_in": bool(name), **({"email": EMAIL, "iss": ISSUER, "sub": name} if name else {})} | told
        monkeypatch.setattr("pages.server.login.get_secrets_auth_section", lambda: {"client_id": "x"})
        monkeypatch.setattr("pages.server.media.is_guarded", lambda: guarded)
        monkeypatch.setattr("streamlit.user_info.UserInfoProxy.to_dict", lambda self: user)
        monkeypatch.setattr("streamlit.user_info.UserInfoProxy.__getattr__", lambda self, key: user[key])
        monkeypatch.setattr("streamlit.user_info.UserInfoProxy.__getitem__", lambda self, key: user[key])
    return switch


@pytest.mark.parametrize("name", ["start", *PATH, *LIBRARY])
def test_nobody_sees_a_page_before_logging_in(opened, case, logged_in, name):
    logged_in("")
    app = opened("start", case) if name == "start" else opened(name, case)
    assert [t.value for t in app.title] == [say("app.login_title")]
    assert len(app.button) == 1 and not app.markdown


def test_no_page_on_a_server_whose_pictures_have_no_owners(opened, case, logged_in):
    logged_in("ada", guarded=False)
    app = opened("replay", case)
    assert [e.value for e in app.error] == [say("app.login_unguarded")] and not app.title


@pytest.mark.parametrize("told", [{"sub": ""}, {"iss": " "}, {"iss": "https://login.example#a"}, {"sub": 7}])
def test_no_page_for_a_login_that_names_nobody(opened, case, logged_in, told):
    logged_in("ada", **told)
    app = opened("replay", case)
    assert [e.value for e in app.error] == [say("app.login_nameless")] and not app.title
    assert [b.label for b in app.button] == [say("app.logout")]


def test_an_address_is_nobody_and_issuers_are_told_apart():
    from pages.server.login import identity
    assert identity({"email": "ada@example.org", "email_verified": True}) == ""
    people = {identity({"iss": iss, "sub": sub}) for iss in ("https://a", "https://b") for sub in ("1", "2")}
    assert len(people) == 4 and "" not in people


def test_a_deep_link_to_the_case_of_another_is_refused(opened, home, logged_in):
    made, subject_id = fill(home)
    made.close()
    (made.folder / "person.txt").write_text(person("ada"))
    logged_in("bob")
    assert "There is no case" in opened("start", (made.id, subject_id)).warning[0].value
    app = opened("replay", (made.id, subject_id))
    assert "case" not in app.query_params and "A ball and a box" not in written(app)
    logged_in("ada")
    assert opened("replay", (made.id, subject_id)).query_params["case"] == made.id


def test_settings_say_under_which_name_things_are_kept(opened, logged_in):
    logged_in("ada")
    assert f"`{person('ada')}`" in written(opened("settings"))


def test_cases_are_their_persons_own(home):
    everybody = CaseStore(home / "cases")
    ada, bob = (CaseStore(home / "cases", person=p) for p in ("ada", "bob"))
    made = ada.create("Hers")
    made.close()
    assert [r.id for r in ada.list()] == [made.id] == [r.id for r in everybody.list()] and bob.list() == []
    for refused in (bob.open, bob.delete, bob.archive, lambda i: bob.rename(i, "his")):
        with pytest.raises(ExplorerError, match="no case"):
            refused(made.id)
    ownerless = everybody.create("Made before login was on")
    assert ownerless.id not in [r.id for r in ada.list()]


def test_jobs_are_their_persons_own(settings):
    ada, bob = (Queue(settings.database, person=p) for p in ("ada", "bob"))
    job = ada.submit(EmbedSubject("c", "s"))
    assert ada.get(job).owner == "ada" and bob.recent() == [] and bob.active() == []
    for refused in (bob.get, bob.cancel, bob.resume, lambda j: launch.cancel(settings, j, person="bob")):
        with pytest.raises(ExplorerError, match="no job"):
            refused(job)
    assert ada.get(job).state == "queued"


def test_a_person_can_queue_only_so_much(settings):
    ada = Queue(settings.database, person="ada")
    with ada.writing() as db:
        db.executemany("INSERT INTO jobs (id, name, task, kind, interactive, state, owner, case_id, submitted) "
                       "VALUES (?,'UnloadModels','{}','device',0,'queued','ada','',0)",
                       [(str(n),) for n in range(MOST_WAITING)])
    with pytest.raises(ExplorerError, match="waiting already"):
        ada.submit(UnloadModels())
    Queue(settings.database, person="bob").submit(UnloadModels())


def test_characters_that_turn_text_around_are_named():
    assert plain("photo\u202egnp.exe\x07") == r"photo\[U\+202E\]gnp\.exe\[U\+0007\]"
