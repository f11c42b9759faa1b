# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sample of `make sweep`: each operation with every fifth fault, and the cases in which something was once wrong.

The sample is always the same: fault number j of operation number i meets request number 7 i + 13 j, modulo the requests
of the operation, or the next one to which it makes a difference. It is run where i + j is a multiple of five, so that
each fault is met by each fifth operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from sweep.faults import FAULTS, KILL
from sweep.run import replay
from sweep.subjects import BY_NAME, SUBJECTS, WITHOUT_REQUESTS, Subject, states_of_modules
from sweep.sweeper import Sweeper

EVERY = 5
# What was once wrong.
PINNED = [
    # A gateway that repeats the request in its error was told for a DSM that refuses custom metadata.
    ("links/group: new", "POST /sys/v1/groups", "echo"),
    # An outage of Entra, or a page in the place of Entra's answer, was told for wrong credentials or a wrong tenant.
    ("applications/app: permission", "GET /openid-configuration", "empty"),
    ("applications/app: permission", "POST /oauth2/v2.0/token", "truncated"),
    ("applications/app: permission", "POST /oauth2/v2.0/token", "429 from then on"),
    # A vault that the run has created was told for somebody else's when the answer was lost to another request.
    ("vaults/vault: new", "PUT /vaults/kv-new", "answer of before"),
    # An outage of DSM was told for a link that does not connect.
    ("groups/connection", "POST /hmg/check", "500"),
    ("certificates/rotate", "POST /sys/v1/groups/hmg/check", "503 from then on"),
    # A list of keys from before the sync was told for a sync that changes nothing.
    ("groups/sync", "GET /crypto/v1/keys, 2", "stale"),
]


def names_of_faults(subject: Subject) -> Iterator[tuple[int, str]]:
    for place, name in enumerate(FAULTS):
        if (SUBJECTS.index(subject) + place) % EVERY == 0:
            yield place, name


def assert_nothing_found(sweeper: Sweeper) -> None:
    found, sweeper.findings = sweeper.findings, []
    assert not found, "\n".join("\n  ".join([str(one), replay(one), *one.trace]) for one in found)


def test_every_module_is_swept_for_every_state() -> None:
    swept: dict[str, set[str]] = {}
    for subject in SUBJECTS:
        swept.setdefault(subject.what, set()).add(subject.state)

    wanted = {name: states for name, states in states_of_modules().items() if name not in WITHOUT_REQUESTS}
    assert {name: states for name, states in swept.items() if " " not in name} == wanted


def test_every_fault_is_in_the_sample() -> None:
    assert {name for subject in SUBJECTS if not subject.is_play for _place, name in names_of_faults(subject)} == set(
        FAULTS
    )


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_a_fault_ends_in_one_clear_error_or_success_and_the_next_run_completes_the_work(
    sweeper: Sweeper, subject: Subject
) -> None:
    _scene, deed = sweeper.stage.deed(subject.scene, subject.deed)
    writes = [call for call, _reply in sweeper.solo(subject).answers if call.is_write]
    number = sweeper.positions(subject)

    if subject.is_play:
        ran = [sweeper.case(subject, place, KILL) for place in range(2, number, number // 3)]
    else:
        assert isinstance(deed.job.options, Mapping)
        assert str(deed.job.options.get("state", subject.state)) == subject.state
        ran = [
            any(
                sweeper.case(subject, (7 * SUBJECTS.index(subject) + 13 * place + step) % number + 1, FAULTS[name])
                for step in range(number)
            )
            for place, name in names_of_faults(subject)
        ]

    assert sum(ran) > 2
    assert (writes == []) is subject.only_reads
    assert_nothing_found(sweeper)


@pytest.mark.parametrize(("name", "request_", "fault"), PINNED)
def test_what_was_once_wrong_is_not_again(sweeper: Sweeper, name: str, request_: str, fault: str) -> None:
    subject = BY_NAME[name]

    assert sweeper.case(subject, sweeper.number_of(subject, request_), FAULTS[fault])

    assert_nothing_found(sweeper)
