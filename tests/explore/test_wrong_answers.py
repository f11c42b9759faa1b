# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of Azure with parts of the wrong type: each ends in the same state, or in a failure that is explained.

The answers come from a good run of the same operation. Every answer to the same request is wrong, as behind a gateway
that answers in the place of Azure. WRONG_ANSWERS=1000000 in the environment tries all of them, for an hour or more.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    azure_kv_access,
    azure_kv_prereqs,
    azure_kv_prereqs_info,
    azure_kv_vault,
)
from explore.facts import Picture, picture
from explore.scenes import PATIENCE, POLICY_VAULT, Builder
from support.challenges import forget_challenges
from support.matrix import thinned
from support.worlds import Call, Disturbance, Job, Kept, Outcome, Reply
from support.wrong_answers import Wrong, wrong_answers

POOL = "hsm-sandbox"
# So many wrong answers of each operation: every day, and in the long tests.
FEW, SAMPLE = 4, int(os.environ.get("WRONG_ANSWERS", "16"))

DEEDS = [
    ("applications", "app: consent"),
    ("applications", "app: new"),
    ("applications", "app: absent"),
    ("certificates", "app: other certificate"),
    ("certificates", "rotate"),
    ("secrets", "rotate"),
    ("links", "first use"),
    ("vaults", "vault: new"),
    ("vaults", "vault: rules"),
    ("vaults", "vault: absent"),
    ("rights", "prereqs: present"),
    ("rights", "prereqs: present, RBAC"),
    ("rights", "prereqs: absent"),
    ("rights", "info"),
    ("rights", "pool: info"),
    ("rights", "pool: present"),
    ("rights", "pool: absent"),
    ("rights", "pool: tags"),
    ("rights", "pool: record"),
    ("cut", "access: restored"),
    ("whole", "access: revoked, credentials"),
]


def jobs(builder: Builder) -> Mapping[str, Job]:
    """What reads and changes a managed HSM, and what only reads."""
    pool = builder.view.managed_hsms[POOL].resource_id
    app = {**builder.azure, "app_client_id": builder.view.client_id}
    at_pool = {**app, "vault": {"resource_id": pool}}
    repair = {**at_pool, "rights_profile": "guide", **PATIENCE}
    removal = {"state": "absent", "confirm_remove_policy": True}
    group = builder.view.managed_hsms[POOL].resource_group
    tags = {"name": POOL, "resource_group": group, "type": "managed_hsm", "tags": {"tier": "gold"}}
    at_vault = {"resource_id": builder.view.vaults[POLICY_VAULT].resource_id}
    cut = {"state": "revoked", "confirm_client_id": builder.view.client_id, "vaults": [{"resource_id": pool}]}
    return {
        "info": Job("info", azure_kv_prereqs_info, {**app, "vault": at_vault}),
        "pool: info": Job("pool: info", azure_kv_prereqs_info, at_pool),
        "pool: present": Job("pool: present", azure_kv_prereqs, repair),
        "pool: absent": Job("pool: absent", azure_kv_prereqs, {**repair, **removal}),
        "pool: tags": Job("pool: tags", azure_kv_vault, {**builder.azure, **PATIENCE, **tags}),
        "pool: record": Job("pool: record", azure_kv_access, {**app, **cut, **PATIENCE}, check_mode=True),
    }


@dataclass
class Subject:
    """An operation, from the state ``kept``, with the answers of its undisturbed run."""

    builder: Builder
    job: Job
    kept: Kept
    answers: list[tuple[Call, Reply]]
    outcome: Outcome
    end: Picture

    @classmethod
    def of(cls, builder: Builder, scene: str, name: str) -> Subject:
        found = builder.scene(scene)
        job = found.deeds[name].job if name in found.deeds else jobs(builder)[name]
        subject = cls(builder, job, found.kept, [], Outcome(), found.start)
        subject.outcome = subject.run(Disturbance(after=subject.keep))
        subject.end = found.look()
        assert subject.outcome.result is not None, str(subject.outcome)
        return subject

    def keep(self, call: Call, reply: Reply) -> Reply:
        self.answers.append((call, reply))
        return reply

    def run(self, disturbance: Disturbance) -> Outcome:
        forget_challenges()
        self.builder.world.reset(self.kept)
        self.builder.world.observer = lambda _event: None
        return self.builder.world.alone(self.job, disturbance)

    def mutants(self) -> Iterator[tuple[Call, Wrong]]:
        """Each wrong answer to each request of Azure, of those that the operation sends several times to the first."""
        known: set[tuple[str, ...]] = set()
        for call, reply in self.answers:
            if is_of_azure(call) and route(call) not in known and reply.status < 300:
                known.add(route(call))
                yield from ((call, wrong) for wrong in wrong_answers(reply.body))

    def complaints(self, call: Call, wrong: Wrong) -> Iterator[str]:
        """What is wrong with the end of a run that gets this answer."""
        where = f"{self.job.name}: {call.method} {call.path}: {wrong.what}: "

        def after(now: Call, reply: Reply) -> Reply:
            same = route(now) == route(call) and reply.status < 300
            return reply.with_body(wrong.body(reply.body)) if same else reply

        outcome = self.run(Disturbance(after=after))
        if outcome.crash is not None:
            yield f"{where}{type(outcome.crash).__name__}: {outcome.crash}"
        if outcome.result is None or not wrong.is_typed:
            return
        end = self.builder.sandbox.do(picture)
        assert self.outcome.result is not None
        if end.print != self.end.print:
            yield f"{where}ok, and it has come to another end: {end.differences(self.end)[:3]}"
        if outcome.result["changed"] != self.outcome.result["changed"]:
            yield f"{where}says changed: {outcome.result['changed']}"


def route(call: Call) -> tuple[str, ...]:
    """What requests have in common whose answers are wrong together. The batches of an operation are told apart."""
    return call.method, call.host, call.path, *([str(call.body)] if call.path.endswith("$batch") else [])


def is_of_azure(call: Call) -> bool:
    return any(part in call.host for part in ("graph.", "login.", "management.", "vault.", "managedhsm."))


@pytest.mark.parametrize("number", thinned([FEW, SAMPLE], FEW))
@pytest.mark.parametrize(("scene", "name"), DEEDS)
def test_a_wrong_answer_makes_no_difference_or_is_explained(
    builder: Builder, scene: str, name: str, number: int
) -> None:
    subject = Subject.of(builder, scene, name)
    # The same ones in each run, from all requests and depths.
    drawn = sorted(enumerate(subject.mutants()), key=lambda one: zlib.crc32(str(one[0]).encode()))[:number]

    assert len(drawn) >= min(number, 16)
    assert [text for _number, one in drawn for text in subject.complaints(*one)] == []
