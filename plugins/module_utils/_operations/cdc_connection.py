# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""TEST CONNECTION, of a saved link or before saving, with a diagnosis (guide 4.3 step 4, 4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._argspec import ArgumentSpec
from .._dsm.groups import link_edit
from .._dsm.groups.link_source import LinkSource
from .._dsm.groups.stored_groups import Group
from .._dsm.link import vaults
from .._dsm.link.azure_link import Link
from .._dsm.link.connection import ConnectionTest, check_config, check_stored
from .._dsm.link.diagnosis import (
    Diagnosis,
    SeenVault,
    diagnose,
    findings,
    sharpened,
    vaults_not_listed,
    wants_second_look,
)
from .._dsm.link.diagnosis_classes import ClassId
from .._dsm.wire.client import DsmClient, connect
from .._errors import InvalidInput, TaskError
from .._findings.finding import UNKNOWN, Finding
from .._options import DSM, GROUP_SELECTION, LINK
from .._plan import refuse_planned
from .._task import Task

SPEC = DSM.merge(
    GROUP_SELECTION,
    LINK,
    ArgumentSpec(
        argument_spec={
            "on_not_connected": {"type": "str", "choices": ["fail", "warn", "ignore"], "default": "fail"},
            "link_planned": {"type": "bool", "default": False},
        },
    ),
)

# Classes of diagnosis that a wrong clock of DSM can cause.
_OF_THE_TIME: frozenset[ClassId] = frozenset({"assertion-outside-time", "certificate-expired"})


@dataclass(frozen=True)
class _Test:
    """A completed test: the form of the link, DSM's response, and the conclusions."""

    form: str
    connection: ConnectionTest
    diagnosis: Diagnosis | None
    findings: list[Finding]


def run(task: Task) -> dict[str, Any]:
    source = options_of(task)
    with connect(task, read_only=True) as dsm:
        return run_with(task, source, dsm)


def options_of(task: Task) -> LinkSource:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them is not valid.
    """
    source = LinkSource.from_params(task.params)
    if not task.check_mode:
        refuse_planned("link_planned", task.params["link_planned"], "a prerequisite of the link", "creates it")
    return source


def run_with(task: Task, source: LinkSource, dsm: DsmClient, known: Group | None = None) -> dict[str, Any]:
    """The work of :func:`run`, with options that were checked and this client.

    Args:
        known: the group as the caller has just read it.
    """
    link, group = source.resolve(dsm, check_mode=task.check_mode) if known is None else source.over(known)
    label = f"link of {group.label}" if group else f"link of application {link.client_id}"
    test = None if task.params["link_planned"] else _test(dsm, source, link, group, label)
    if test is not None and test.diagnosis is not None:
        _report(task, test.connection, test.diagnosis, label, test.form)
    for finding in test.findings if test else []:
        if finding.status != UNKNOWN:
            task.warn(_finding_as_text(finding, label))
    return _result(test, group, label)


def _test(dsm: DsmClient, source: LinkSource, link: Link, group: Group | None, label: str) -> _Test | None:
    """None for a planned link without a credential in the options."""
    if source.is_stored and group is not None and not group.planned:
        connection = check_stored(dsm, str(group.group_id), label)
        found = None if connection.connected else diagnose(connection.answer, connection.http_status, link)
        # DSM lists vaults only for a link that is sent with its credential, so a stored one cannot be checked further.
        return _Test("stored", connection, found, [] if found else findings(link, None, label))
    if source.options.has_credential:
        return _proposed(dsm, source.config_for(link), link, label)
    if group is not None and group.planned:
        return None
    raise InvalidInput(
        "link_client_secret",
        "it is missing; a link that differs from the stored one can only be tested together with its credential",
        f"{link_edit.CREDENTIAL_REMEDY}, or omit all link options to test the stored link",
    )


def _proposed(dsm: DsmClient, config: Mapping[str, Any], link: Link, label: str) -> _Test:
    """A link that is not saved, with its credential. The list of its vaults shows more than DSM's test."""
    connection = check_config(dsm, config, label)
    if connection.connected:
        seen = _vaults(dsm, config, link, label)
        if isinstance(seen, TaskError):
            unlisted = vaults_not_listed(seen.server_words or seen.problem, label)
            return _Test("proposed", connection, None, [*findings(link, None, label), unlisted])
        return _Test("proposed", connection, None, findings(link, seen, label))
    found = diagnose(connection.answer, connection.http_status, link)
    if wants_second_look(found):
        seen = _vaults(dsm, config, link, label)
        found = found if isinstance(seen, TaskError) else sharpened(found, link, seen)
    return _Test("proposed", connection, found, [])


def _vaults(dsm: DsmClient, config: Mapping[str, Any], link: Link, label: str) -> tuple[SeenVault, ...] | TaskError:
    """The vaults that the application sees, or the failure to list them, which must not fail the test itself."""
    try:
        found = vaults.list_vaults(dsm, config, link, label)
    except TaskError as error:
        return error
    return tuple(SeenVault(vault.name, vault.uri, vault.type) for vault in found)


def _report(task: Task, connection: ConnectionTest, found: Diagnosis, label: str, form: str) -> None:
    reaction = task.params["on_not_connected"]
    remedy = _remedy(task, found)
    diagnosed = found.summary
    if reaction == "fail":
        raise TaskError(
            f"DSM cannot connect to Azure with the {form} link: {diagnosed}",
            plane=found.plane,
            obj=label,
            server_words=connection.words,
            next_step=f"{remedy} (guide {found.entry.guide}). The saved group is unchanged; set on_not_connected: warn "
            "to continue the play anyway",
            connected=False,
            status=connection.status,
            diagnosis=found.record(),
        )
    if reaction == "warn":
        # The diagnosis first: readers need it most, and the error text may be long.
        task.warn(f'Not connected, {label}: {diagnosed}. DSM returned: "{connection.words}". Next: {remedy}.')


def _remedy(task: Task, found: Diagnosis) -> str:
    """The remedy, with the difference of the clocks if time is the cause."""
    difference = task.clock.compared("DSM", task.clock.reference) if found.id in _OF_THE_TIME else ""
    return f"{found.entry.remedy} ({difference})" if difference else found.entry.remedy


def _finding_as_text(finding: Finding, label: str) -> str:
    return (
        f"The {label} connects, but: {finding.kind.title} (expected {finding.expected}, actual {finding.actual}). "
        f"Next: {finding.remedy}."
    )


def _result(test: _Test | None, group: Group | None, label: str) -> dict[str, Any]:
    connection = test.connection if test else None
    return {
        "changed": False,
        "connected": connection.connected if connection else None,
        "status": connection.status if connection else "unknown",
        "message": connection.words if connection else "",
        "form": test.form if test else "proposed",
        # How far DSM's test goes is not public (DSM contract §7, Q36), so it proves nothing else.
        "proves": ["dsm_check"] if connection and connection.connected else [],
        "diagnosis": test.diagnosis.record() if test and test.diagnosis else None,
        "findings": [finding.record() for finding in test.findings] if test else [],
        "waits_for": None if test else f"{label}, which a previous step has only planned",
        "group": group.record(exists=group.group_id is not None) if group else None,
    }
