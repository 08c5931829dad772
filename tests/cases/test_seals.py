"""Time stamps: request, attach, and what a seal does and does not prove."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.cases import seals
from explorer.cases.export import export_case
from explorer.cases.log import hash_of
from explorer.cases.verify import verify_package
from explorer.errors import ExplorerError
from tests.cases.authority import Authority
from tests.cases.made import rebuild
from tests.cases.test_packages import case, package, store  # noqa: F401


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def sealed(package, tmp_path, authority):  # noqa: F811
    target = tmp_path / "sealed.zip"
    seals.attach_package(package, authority.answer(seals.request_package(package)), target)
    return target


def test_a_sealed_package_is_intact_under_its_authoritys_root(sealed, authority):
    report = verify_package(sealed, roots=[authority.root_pem])
    assert report.state == "sealed" and "Sealed and intact" in report.sentence


def test_without_a_trusted_root_it_is_only_consistent_and_says_why(sealed):
    report = verify_package(sealed)
    assert report.state == "consistent"
    assert "no root certificate" in report.checks[-1].what
    report = verify_package(sealed, roots=[Authority().root_pem, b"no certificate"])
    assert report.state == "consistent" and "does not lead to" in report.checks[-1].what


def test_a_chain_made_anew_under_an_old_seal_is_changed(sealed, tmp_path, authority):
    def forge(entries):
        out, prev = [], "0" * 64
        for entry in entries:
            bare = dataclasses.replace(entry, prev=prev, actor="x")
            out.append(dataclasses.replace(bare, hash=hash_of(bare)))
            prev = out[-1].hash
        return out
    forged = rebuild(sealed, tmp_path / "forged.zip", forge, keep_seal=True)
    report = verify_package(forged, roots=[authority.root_pem])
    assert report.state == "changed" and "over other bytes" in report.sentence
    without = rebuild(sealed, tmp_path / "without.zip", forge)
    assert verify_package(without, roots=[authority.root_pem]).state == "consistent"


def test_every_byte_of_a_seal_counts(sealed, tmp_path, authority):
    data = bytearray(sealed.read_bytes())
    for word in (b"Stamps", b"manifest-sha256.txt"):
        at = data.rindex(word)
        changed = bytes(data[:at]) + bytes([data[at] ^ 1]) + bytes(data[at + 1:])
        (tmp_path / "changed.zip").write_bytes(changed)
        assert verify_package(tmp_path / "changed.zip", roots=[authority.root_pem]).state == "changed"


def test_an_answer_for_other_bytes_or_none_at_all_is_not_attached(package, tmp_path, authority):  # noqa: F811
    for answer in (authority.answer(seals.request_for(b"other")), b"", b"hello", b"\x30\x80"):
        with pytest.raises(ExplorerError, match="cannot be attached"):
            seals.attach_package(package, answer, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_plan_and_last_entry_can_each_be_sealed(case, tmp_path, authority):  # noqa: F811
    plan = next(e.seq for e in case.log() if e.kind == "SearchPlan")
    for wanted in (plan, None):
        entry, request = seals.request_entry(case, wanted)
        seal = seals.attach_entry(case, entry, authority.answer(request))
        assert seal.entry_hash == case.log(after=entry - 1, limit=1)[0].hash
    export_case(case, tmp_path / "case.zip")
    report = verify_package(tmp_path / "case.zip", roots=[authority.root_pem])
    found = {c.name: c.state for c in report.checks if c.name.startswith("seal of entry")}
    assert found[f"seal of entry {plan}"] == "holds" and set(found.values()) == {"holds"}
    with pytest.raises(ExplorerError, match="no entry 999"):
        seals.request_entry(case, 999)
