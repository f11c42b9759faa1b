# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pair of certificate and key in two files: made once, used when it is there, never overwritten."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._certificates import maker
from ansible_collections.fortanix.dsm.plugins.module_utils._certificates.maker import PairFiles, _common_name
from ansible_collections.fortanix.dsm.plugins.module_utils._certificates.maker import (
    self_signed as self_signed_in_memory,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from sandbox.authorities import Pair, self_signed


@pytest.fixture
def files(tmp_path: Path) -> PairFiles:
    return pair_files(tmp_path)


def pair_files(directory: Path, **changes: Any) -> PairFiles:
    given = {"days": 90, "key_size": 2048, "subject": None, **changes}
    paths = {"certificate_path": str(directory / "app.crt"), "key_path": str(directory / "app.key")}
    return PairFiles.from_option("generate_certificate", {**paths, **given})


def write(files: PairFiles, certificate: str | None, key: str | None) -> None:
    for path, content in ((files.certificate_path, certificate), (files.key_path, key)):
        if content is not None:
            Path(path).write_text(content)


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


# Making -------------------------------------------------------------------------------------------------------------


def test_there_is_none_before_it_is_made(files: PairFiles) -> None:
    assert files.existing() is None


def test_what_was_made_is_found_again(files: PairFiles) -> None:
    made = files.make("byok")

    assert files.existing() == made


def test_a_certificate_is_as_it_was_asked_for(files: PairFiles) -> None:
    files.make("byok")

    made = x509.load_pem_x509_certificate(Path(files.certificate_path).read_bytes())
    key = made.public_key()
    assert isinstance(key, RSAPublicKey)
    lifetime = made.not_valid_after_utc - made.not_valid_before_utc
    assert (made.subject.rfc4514_string(), key.key_size, lifetime) == ("CN=byok", 2048, timedelta(days=90))


def test_the_subject_of_the_option_comes_first(tmp_path: Path) -> None:
    assert pair_files(tmp_path, subject="mine").make("byok").subject == "CN=mine"


def test_a_long_name_is_cut_to_what_a_subject_may_have(files: PairFiles) -> None:
    assert files.make("a" * 120).subject == "CN=" + "a" * 64


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("暗号鍵管理システムの本番環境アプリケーション", "暗号鍵管理システムの本番環境アプリケーション"[:21]),
        ("é" * 40, "é" * 32),
        ("a" * 63 + "鍵", "a" * 63),
        ("two\nlines\x1b[31m", "two lines [31m"),
        ("\x00\u202e", "fortanix-dsm-cdc"),
        ("  ", "fortanix-dsm-cdc"),
        ("", "fortanix-dsm-cdc"),
        ("\ud800", "fortanix-dsm-cdc"),
        ("\u200b\u200b", "fortanix-dsm-cdc"),
    ],
    ids=["Japanese", "two octets", "last character", "control", "only control", "blank", "empty", "half", "no width"],
)
def test_any_display_name_gives_a_subject(wanted: str, expected: str) -> None:
    certificate, _key = self_signed_in_memory(wanted, 90, 2048)

    name = x509.load_pem_x509_certificate(certificate).subject
    assert [attribute.value for attribute in name] == [expected]


@given(st.text())
def test_a_subject_has_1_to_64_octets(wanted: str) -> None:
    assert 1 <= len(_common_name(wanted).encode()) <= 64


def test_the_key_is_for_its_owner_alone(files: PairFiles) -> None:
    files.make("byok")

    assert Path(files.key_path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("path", ["app.crt", "app.key"])
def test_a_file_that_came_into_being_meanwhile_stays_as_it_is(files: PairFiles, tmp_path: Path, path: str) -> None:
    (tmp_path / path).write_text("someone else's")

    with pytest.raises(InvalidInput):
        files.make("byok")

    assert content(tmp_path) == {path: b"someone else's"}


def test_a_link_to_nowhere_is_not_followed(files: PairFiles, tmp_path: Path) -> None:
    Path(files.key_path).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InvalidInput):
        files.make("byok")

    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_is_not_there_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    pair = pair_files(tmp_path / "missing" / "deeper")

    assert pair.existing() is None
    assert not (tmp_path / "missing").exists()
    pair.make("byok")

    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("missing", "missing/deeper")]
    assert modes == [0o700, 0o700]


def test_a_place_where_no_file_can_be_made_is_told_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")

    with pytest.raises(InvalidInput, match="is not a directory"):
        pair_files(tmp_path / "file" / "deeper").existing()


def test_a_directory_that_may_not_be_written_to_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever is root may write anywhere.
    monkeypatch.setattr("os.access", lambda path, _mode: Path(path) != tmp_path)

    with pytest.raises(InvalidInput, match="is not writable"):
        pair_files(tmp_path / "missing").existing()


# A run that is killed -----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The end of a process, which runs no cleanup of ours."""


class Dying:
    """The part of `os` that changes files, and a process that ends before, or in, the n-th of these calls."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __getattr__(self, name: str) -> Any:
        function = getattr(os, name)
        if name not in ("open", "replace", "unlink", "fsync"):
            return function

        def call(*arguments: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                if name == "fsync":
                    os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
                raise Killed
            return function(*arguments)

        return call


def killed(files: PairFiles, at: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Make the pair in a process that is killed at this call; False when it has ended before."""
    with monkeypatch.context() as patch:
        patch.setattr(maker, "os", Dying(at))
        try:
            files.make("byok")
        except Killed:
            return True
    return False


# More calls than making a pair takes; one more than the last proves that none is left out.
CALLS = range(1, 13)


def test_every_call_is_one_at_which_it_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = []
    for at in CALLS:
        (tmp_path / str(at)).mkdir()
        ends.append(killed(pair_files(tmp_path / str(at)), at, monkeypatch))

    assert (ends[0], ends[-1]) == (True, False)


@pytest.mark.parametrize("at", CALLS)
def test_the_next_run_has_a_complete_pair(
    files: PairFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    killed(files, at, monkeypatch)

    predicted = files.existing()
    files.recover()
    found = files.existing()
    made = found or files.make("byok")

    assert found == predicted
    assert files.existing() == made
    assert sorted(content(tmp_path)) == ["app.crt", "app.key"]
    assert Path(files.key_path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("at", CALLS)
def test_check_mode_after_a_kill_writes_nothing(
    files: PairFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    killed(files, at, monkeypatch)
    before = content(tmp_path)

    files.existing()

    assert content(tmp_path) == before


@pytest.mark.parametrize("at", CALLS)
def test_what_a_killed_run_leaves_is_for_its_owner_alone(
    files: PairFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    killed(files, at, monkeypatch)

    open_to_all = [path for path in tmp_path.iterdir() if path.stat().st_mode & 0o077 and path.name != "app.crt"]
    assert open_to_all == []


def test_a_file_that_somebody_has_put_in_place_meanwhile_is_not_written(files: PairFiles, tmp_path: Path) -> None:
    (tmp_path / "app.key.incomplete").write_text(ONE.key_pem + ONE.certificate_pem)
    Path(files.key_path).write_text(OTHER.key_pem)
    before = content(tmp_path)

    files.recover()

    assert content(tmp_path) == before


# What is there ------------------------------------------------------------------------------------------------------

ONE, OTHER = (self_signed(name, algorithm="rsa") for name in ("one", "other"))
EXPIRED, ELLIPTIC = self_signed("old", days=-1, algorithm="rsa"), self_signed("ec")


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        (ONE.certificate_pem, None, "use only the certificate"),
        (None, ONE.key_pem, "copy the certificate of that key there"),
        (ONE.certificate_pem, OTHER.key_pem, "is not the key of the certificate"),
        (ONE.certificate_pem, "nothing", "no private key that is readable"),
        (ONE.certificate_pem, ONE.encrypted_key_pem("pass"), "without a passphrase"),
        ("nothing", ONE.key_pem, "contains no certificate"),
        (EXPIRED.certificate_pem, EXPIRED.key_pem, "expired.*rotate"),
        (ELLIPTIC.certificate_pem, ELLIPTIC.key_pem, "not RSA"),
    ],
    ids=["no key", "no certificate", "not a pair", "no key inside", "encrypted", "no PEM", "expired", "EC"],
)
def test_files_that_are_no_good_pair_are_refused_with_a_remedy(
    files: PairFiles, certificate: str | None, key: str | None, words: str
) -> None:
    write(files, certificate, key)

    with pytest.raises(InvalidInput, match=words):
        files.existing()


@pytest.mark.parametrize("pair", [ONE, EXPIRED], ids=["good", "expired"])
def test_files_that_are_there_are_never_written(files: PairFiles, tmp_path: Path, pair: Pair) -> None:
    write(files, pair.certificate_pem, pair.key_pem)
    before = content(tmp_path)

    with pytest.raises(InvalidInput):
        files.make("byok")

    assert content(tmp_path) == before


@pytest.mark.parametrize("changes", [{"subject": " "}, {"key_path": "/x", "certificate_path": "/y/../x"}])
def test_options_that_make_no_sense_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        pair_files(tmp_path, **changes)
