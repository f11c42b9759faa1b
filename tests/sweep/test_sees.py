# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sweep notices what it is for: with a protection taken away, a case has a finding."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _errors
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups import link_edit
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire import client
from sweep.faults import FAULTS
from sweep.subjects import BY_NAME
from sweep.sweeper import Sweeper


def findings(sweeper: Sweeper, name: str, request: str, fault: str) -> set[str]:
    subject, sweeper.findings = BY_NAME[name], []
    assert sweeper.case(subject, sweeper.number_of(subject, request), FAULTS[fault])
    found, sweeper.findings = sweeper.findings, []
    return {one.kind for one in found}


def test_a_credential_in_an_error_text_is_noticed(sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_errors, "_CREDENTIALS", ())

    assert "secret" in findings(sweeper, "groups/group: edit, as a user", "GET /sys/v1/groups", "echo")


def test_a_defect_is_noticed(sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "complaint_about", lambda *_answer: None)

    assert {"crash", "a defect is reported"} <= findings(sweeper, "links/group: edit", "GET /groups/[^/]+", "text")


def test_a_success_that_leaves_something_out_is_noticed(sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_edit, "_is_about_metadata", lambda _error: True)

    assert "says ok, and has come to another end" in findings(sweeper, "links/group: new", "POST /groups", "echo")
