# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A set-up of which a part is there: check mode says what the run does, and fails at nothing that the run does not."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.role_in_process import RolePlayer, RoleRun

NAME, VAULT, APPLICATION = "akv-partial", "akv-partial", "fortanix-partial"
REGISTERED, IN_FILES, NOWHERE = "registered", "in files", "nowhere"
NO_GROUP, NO_VAULT, NO_KEYS, KEYS = "no group", "no vault chosen", "no keys", "keys"


@dataclass(frozen=True)
class Part:
    """What of a set-up is there. ``credential``: where the certificate of the application is."""

    application: bool
    credential: str
    vault: bool
    definition: bool
    rights: bool
    group: str

    def __str__(self) -> str:
        named = [name for name in ("application", "vault", "definition", "rights") if getattr(self, name)]
        return ", ".join([*named, f"certificate {self.credential}", self.group])

    @property
    def is_reachable(self) -> bool:
        return (
            (self.application or (self.credential == NOWHERE and self.group == NO_GROUP))
            and (not self.rights or (self.application and self.vault and self.definition))
            and (self.vault or self.group in (NO_GROUP, NO_VAULT))
        )


_EVERY = itertools.product(
    (False, True),
    (REGISTERED, IN_FILES, NOWHERE),
    (False, True),
    (False, True),
    (False, True),
    (NO_GROUP, NO_VAULT, NO_KEYS, KEYS),
)
PARTS = [part for part in itertools.starmap(Part, _EVERY) if part.is_reachable]
# What people have: the addition of a group, what a teardown leaves, a run that stopped, rights taken away, lost files.
COMMON = [
    Part(False, NOWHERE, False, False, False, NO_GROUP),
    Part(True, REGISTERED, False, True, False, NO_GROUP),
    Part(True, IN_FILES, True, True, False, NO_GROUP),
    Part(True, REGISTERED, True, False, False, NO_GROUP),
    Part(True, REGISTERED, True, True, False, KEYS),
    Part(True, NOWHERE, True, True, True, KEYS),
]


class Partial:
    """A complete set-up, of which parts are taken away."""

    def __init__(self, azure: AzureRights, directory: Path) -> None:
        self.azure, self.sandbox = azure, azure.sandbox
        self._player = RolePlayer("cdc_setup")
        self.files = directory / "pair"
        self._kept = directory / "kept"
        self.files.mkdir()
        self.variables: dict[str, Any] = {
            "cdc_setup_name": NAME,
            "cdc_setup_link_tenant_id": azure.view.tenant_id,
            "cdc_setup_link_subscription_id": azure.view.subscription_id,
            "cdc_setup_repair_prerequisites": True,
            "cdc_setup_wait_interval": 0,
            "cdc_setup_application": {
                "unique_name": APPLICATION,
                "display_name": "Fortanix partial",
                "generate_certificate": {
                    "certificate_path": str(self.files / "app.crt"),
                    "key_path": str(self.files / "app.key"),
                    "key_size": 2048,
                },
            },
            "cdc_setup_azure_vault": {
                "name": VAULT,
                "resource_group": "rg-keys",
                "location": "westeurope",
                "type": "premium",
                "permission_model": "rbac",
            },
        }

    def complete(self) -> None:
        assert self.run().failure is None
        self.azure.do(lambda state: state.add_key(VAULT, "first"))
        self.run()
        shutil.copytree(self.files, self._kept)
        self._complete = self.sandbox.snapshot()

    def run(self, *, check_mode: bool = False) -> RoleRun:
        options = {**self.azure.operator, **self.azure.dsm_login}
        return self._player.play(RoleRun(self.variables, options, self.sandbox.proxy_url, check_mode))

    def leave(self, part: Part) -> None:
        """The complete set-up without all that is no part of it."""
        self.sandbox.restore(self._complete)
        shutil.rmtree(self.files)
        self.files.mkdir()
        if part.credential != NOWHERE:
            shutil.copytree(self._kept, self.files, dirs_exist_ok=True)
        self.sandbox.do(lambda state: self._take_away(state, part))

    def _take_away(self, state: Any, part: Part) -> None:
        cloud, dsm = state.azure.public, state.dsm
        group = dsm.find_group(NAME)
        if part.group != KEYS:
            for key in list(dsm.keys_in(group.group_id)):
                dsm.default_account.keys.remove(key)
        if part.group == NO_VAULT:
            for link in group.hmg.values():
                link["url"] = ""
        if part.group == NO_GROUP:
            dsm.remove_group(group)
        (app,) = [one for one in cloud.directory.applications.values() if one.name == "Fortanix partial"]
        roles = {one.role_guid for one in cloud.rights.assignments if one.principal_id == app.service_principal_id}
        if not part.rights:
            mine = [one for one in cloud.rights.assignments if one.principal_id == app.service_principal_id]
            cloud.rights.revoke(mine)
        if not part.definition:
            for guid in roles:
                if cloud.rights.roles[guid].tenant_id is not None:
                    cloud.rights.retire(guid)
        if not part.vault:
            cloud.delete_vault(VAULT)
            cloud.purge_vault(VAULT)
        if part.credential != REGISTERED:
            cloud.remove_certificates(app)
        if not part.application:
            cloud.remove_application(app)


@pytest.fixture(scope="module")
def partial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partial]:
    from support.challenges import forget_challenges

    with pytest.MonkeyPatch.context() as patch, Sandbox.start() as sandbox:
        for variable, value in sandbox.environment().items():
            if not variable.startswith(("DSM_", "AZURE_")):
                patch.setenv(variable, value)
        forget_challenges()
        made = Partial(AzureRights(sandbox), tmp_path_factory.mktemp("partial"))
        made.complete()
        yield made
        assert sandbox.crashes == []


@dataclass(frozen=True)
class Thrice:
    """A check, the run, and another run. ``written``: the requests of the check that change something."""

    planned: RoleRun
    written: list[Any]
    made: RoleRun
    again: RoleRun


def checked_and_run_twice(partial: Partial, part: Part) -> Thrice:
    partial.leave(part)
    mark = partial.sandbox.journal.mark()
    planned = partial.run(check_mode=True)
    written = partial.sandbox.journal.writes(since=mark)
    return Thrice(planned, written, partial.run(), partial.run())


@pytest.mark.parametrize(
    "part", [*COMMON, *(pytest.param(one, marks=pytest.mark.long) for one in PARTS if one not in COMMON)], ids=str
)
def test_the_plan_of_what_is_there_in_part_is_what_the_run_does(partial: Partial, part: Part) -> None:
    runs = checked_and_run_twice(partial, part)

    assert runs.written == []
    assert (runs.planned.failure, runs.made.failure, runs.again.failure) == (None, None, None)
    assert runs.planned.plan == runs.made.plan
    assert runs.again.changed == []


def test_a_run_that_only_repairs_permissions_reports_the_group_as_changed(partial: Partial) -> None:
    runs = checked_and_run_twice(partial, Part(True, REGISTERED, True, True, False, KEYS))

    assert [(one["name"], one["changed"]) for one in runs.made.results] == [(NAME, True)]
    assert [one["changed"] for one in runs.planned.results] == [True]
    assert [one["changed"] for one in runs.again.results] == [False]


def test_a_credential_is_planned_for_an_application_that_has_no_service_principal_yet(
    partial: Partial, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = {"unique_name": APPLICATION, "display_name": "Fortanix partial", "credential": {"type": "secret"}}
    monkeypatch.setitem(partial.variables, "cdc_setup_application", application)
    partial.leave(Part(True, NOWHERE, True, True, False, NO_GROUP))
    partial.sandbox.do(
        lambda state: state.azure.public.delete_service_principal(
            next(one for one in state.azure.public.directory.applications.values() if one.name == "Fortanix partial")
        )
    )

    planned, made, again = partial.run(check_mode=True), partial.run(), partial.run()

    assert (planned.failure, made.failure, again.failure) == (None, None, None)
    assert planned.plan == made.plan
    assert again.changed == []
