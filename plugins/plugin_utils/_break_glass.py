# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Evaluates whether an application is proven to be cut off, and builds the report of an emergency. Pure.

A result is what a module returned, or Ansible's replacement if the module crashed or was skipped, so any key may be
missing. docs/break-glass.md explains the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..module_utils._dsm.link.diagnosis import diagnose, is_of_azure
from ..module_utils._dsm.link.diagnosis_classes import ClassId
from ..module_utils._dsm.wire.errors import meaning_of
from ..module_utils._errors import printable
from ..module_utils._texts.messages import parted

Result = Mapping[str, Any]

# Classes of the diagnosis that mean that Entra or Azure refuses this application. All others have causes that a cut
# does not produce and that may be temporary: network, proxy, TLS, clock, location, a wrong setting.
REFUSALS: frozenset[ClassId] = frozenset(
    {
        "application-disabled",
        "application-missing",
        "arm-denied",
        "certificate-expired",
        "certificate-revoked",
        "assertion-refused",
        "consent-missing",
        "credential-refused",
        "hsm-keys-denied",
        "keys-denied-by-policy",
        "keys-denied-by-role",
        "no-vault-visible",
        "secret-expired",
        "secret-wrong",
        "subscription-unknown",
        "vault-not-in-subscription",
    }
)
_STEP = "{state:<10} {plane:<6} {object:<44} {action}"


class ConnectionProof(Enum):
    """The evidence of DSM's connection test about the access."""

    CONNECTED = "connected"
    REFUSED = "refused"
    UNCLEAR = "unclear"


class Sync(Enum):
    """The evidence of the key sync about the access. ``NOT_RUN``: it was not run."""

    WORKED = "worked"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    NOT_RUN = "not run"


class ApprovalState(Enum):
    """Whether a quorum policy guards the sync, and the state of its approval."""

    NONE = "none"
    PENDING = "pending"
    GIVEN = "given"


class CutVerdict(Enum):
    CUT_OFF = "cut off"
    STILL_CONNECTED = "still connected"
    UNKNOWN = "unknown"


def verdict(connection: ConnectionProof, sync: Sync, approval: ApprovalState) -> CutVerdict:
    """The verdict from the two proofs.

    One success means still connected. Cut off requires two refusals, in the test and in the sync. A sync that is
    pending approval has not been run. An approved sync may have run before the cut, so its success says nothing about
    the current access.
    """
    dated = approval is ApprovalState.NONE
    if connection is ConnectionProof.CONNECTED or (sync is Sync.WORKED and dated):
        return CutVerdict.STILL_CONNECTED
    refused_twice = connection is ConnectionProof.REFUSED and sync is Sync.REFUSED
    return CutVerdict.CUT_OFF if refused_twice and approval is not ApprovalState.PENDING else CutVerdict.UNKNOWN


# Reading results ------------------------------------------------------------------------------------------------------


def connection_of(result: Result) -> ConnectionProof:
    """``result``: of the module cdc_connection."""
    connected = result.get("connected")
    if connected is True:
        return ConnectionProof.CONNECTED
    refused = connected is False and _part(result, "diagnosis").get("class") in REFUSALS
    return ConnectionProof.REFUSED if refused else ConnectionProof.UNCLEAR


def sync_of(result: Result) -> Sync:
    """``result``: of the module cdc_sync."""
    failure = _part(result, "failure")
    if failure:
        # It stopped midway: until then DSM had access.
        return Sync.WORKED if failure.get("synced") else Sync.REFUSED if _is_refusal(failure) else Sync.UNCLEAR
    if result.get("failed") or "prediction" not in result:
        return Sync.UNCLEAR
    return Sync.WORKED if result["prediction"] is None else Sync.NOT_RUN


def approval_of(result: Result) -> ApprovalState:
    """``result``: of the module cdc_sync, failed or not."""
    if result.get("pending"):
        return ApprovalState.PENDING
    known = _part(result, "approval") or _part(_part(result, "failure"), "approval")
    return ApprovalState.GIVEN if known.get("status") in ("approved", "failed") else ApprovalState.NONE


def _is_refusal(failure: Mapping[str, Any]) -> bool:
    words, status = str(failure.get("server_words") or ""), failure.get("status")
    if not words or not isinstance(status, int):
        return False
    # With such a status DSM refuses its own caller, or passes on a response of Azure.
    if meaning_of(status).about_caller and not is_of_azure(words, status):
        return False
    return diagnose(words, status, None).id in REFUSALS


def _part(result: Result, name: str) -> Mapping[str, Any]:
    found = result.get(name)
    return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True)
class Proof:
    """The evidence from DSM for one group."""

    group: str
    group_id: str
    verdict: CutVerdict
    connection: str
    diagnosis: str | None
    sync: str

    def record(self) -> dict[str, Any]:
        return {
            "group": self.group,
            "group_id": self.group_id,
            "verdict": self.verdict.value,
            "connection": self.connection,
            "diagnosis": self.diagnosis,
            "sync": self.sync,
        }


def proofs(groups: Iterable[Mapping[str, Any]], connections: Iterable[Result], syncs: Iterable[Result]) -> list[Proof]:
    """One proof for each group, even if a result is missing."""
    tested, synced = list(connections), list(syncs)
    found = []
    for number, group in enumerate(groups):
        connection = tested[number] if number < len(tested) else {}
        sync = synced[number] if number < len(synced) else {}
        found.append(
            Proof(
                group=printable(str(group.get("name"))),
                group_id=str(group.get("group_id")),
                verdict=verdict(connection_of(connection), sync_of(sync), approval_of(sync)),
                connection=_connection_words(connection),
                diagnosis=_part(connection, "diagnosis").get("class"),
                sync=_sync_words(sync),
            )
        )
    return found


def _connection_words(result: Result) -> str:
    if result.get("connected") is True:
        return "DSM connects"
    return printable(str(result.get("message") or result.get("msg") or "not tested"))


def _sync_words(result: Result) -> str:
    if result.get("msg"):
        return printable(str(result["msg"]))
    approval = _part(result, "approval").get("id")
    named = f" ({approval})" if approval else ""
    found = sync_of(result)
    if approval_of(result) is ApprovalState.PENDING:
        return f"not run: pending approval{named}"
    if found is Sync.WORKED and approval_of(result) is ApprovalState.GIVEN:
        return f"run with an approval{named}; it is unknown whether before or after the cut"
    return {Sync.WORKED: "the sync works", Sync.NOT_RUN: "not run"}.get(found, "not tested")


# Record and evidence --------------------------------------------------------------------------------------------------


def outcome(cut: Result) -> Mapping[str, Any]:
    """The return values of the module azure_kv_access, whether or not it failed."""
    return _part(cut, "failure") or cut


def record(cut: Result, seen: Result) -> Any:
    """The record for restoring access: as returned by the cut, or else as read before it."""
    return outcome(cut).get("record") or seen.get("record")


def evidence(
    cut: Result, seen: Result, connections: Iterable[Result], syncs: Iterable[Result], about: Mapping[str, Any]
) -> dict[str, Any]:
    """The evidence document of an emergency.

    Args:
        cut: Of the module azure_kv_access, from the cut itself.
        seen: Of the same module, in check mode, before it.
        connections: Of cdc_connection, in the order of the groups in ``seen``.
        syncs: Of cdc_sync, likewise.
        about: ``started``, ``ended``, ``who``, ``reason``, ``record_file``.
    """
    told, planned = outcome(cut), bool(cut.get("planned"))
    views = _part(told, "diff") or _part(seen, "diff")
    groups = seen.get("groups") or []
    return {
        "what": "break_glass",
        "planned": planned,
        "started": about.get("started"),
        "ended": about.get("ended"),
        "who": about.get("who"),
        "reason": about.get("reason"),
        "operator": seen.get("operator"),
        "application": told.get("application") or seen.get("application"),
        "record_file": about.get("record_file"),
        "before": views.get("before"),
        "after": views.get("after"),
        # Complete only if the result itself states it.
        "complete": told.get("complete") is True and not cut.get("failed"),
        "failure": printable(str(cut.get("msg") or "it failed without a message")) if _has_failed(cut) else None,
        # None: it is unknown what was done, because the module returned nothing about it.
        "steps": told.get("steps") if "steps" in told else None,
        "findings": told["findings"] if "findings" in told else seen.get("findings") or [],
        "still_valid_until": told.get("still_valid_until"),
        "proofs": [] if planned else [one.record() for one in proofs(groups, connections, syncs)],
    }


def _has_failed(cut: Result) -> bool:
    return bool(cut.get("failed") or cut.get("failure") or "complete" not in cut)


# Summary --------------------------------------------------------------------------------------------------------------


def summary(found: Mapping[str, Any], file: str | None, sha256: str | None) -> dict[str, Any]:
    """The report at the end of ``break_glass.yml``.

    Args:
        found: The evidence.
        file: Its path; None if it was not stored.
        sha256: Its checksum.

    Returns:
        ``lines`` for people; ``failure``: why the run fails, empty if all access is cut off and that is proven.
    """
    return {"lines": [printable(line) for line in _lines(found, file, sha256)], "failure": _failure(found)}


def _lines(found: Mapping[str, Any], file: str | None, sha256: str | None) -> Iterable[str]:
    planned = found["planned"]
    if planned:
        yield "Planned; nothing was changed."
    else:
        yield "Access is cut off." if found["complete"] else "NOT COMPLETE, see the last task."
    if found["steps"] is None:
        yield "It is unknown which steps were done."
    yield from steps(found["steps"] or [])
    yield from findings(found["findings"])
    if found["still_valid_until"]:
        yield f"Azure may accept tokens that were already issued until {found['still_valid_until']}."
    if planned:
        yield "Not tested in check mode."
    elif not found["proofs"]:
        yield "No group in DSM was tested: the cut is not proven there."
    for proof in [] if planned else found["proofs"]:
        yield f"{proof['verdict']}: group {proof['group']}: {proof['connection']} (sync: {proof['sync']})"
    yield f"Record: {found['record_file']} (for restore_access.yml)"
    if file and sha256 and not planned:
        yield f"Evidence: {file}, SHA-256 {sha256}"


def steps(listed: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """A line for each step of azure_kv_access."""
    for one in listed:
        yield _STEP.format(**{name: str(one.get(name)) for name in ("state", "plane", "object", "action")})


def findings(listed: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """A line for each finding of azure_kv_access."""
    for one in listed:
        yield f"{one.get('status')}: {one.get('object')}: {one.get('actual')}. Next: {one.get('remedy')}."


def _failure(found: Mapping[str, Any]) -> str:
    if found["planned"]:
        return ""
    until = found["still_valid_until"]
    told = []
    if found["failure"]:
        told.append(found["failure"])
    elif not found["complete"]:
        told.append("Reading back did not confirm every step (state accepted).")
    for proof in found["proofs"]:
        if proof["verdict"] == CutVerdict.STILL_CONNECTED.value:
            how_long = until or "it expires"
            told.append(f"Group {proof['group']}: {proof['verdict']}: DSM may use its current token until {how_long}.")
        elif proof["verdict"] == CutVerdict.UNKNOWN.value:
            told.append(
                f"Group {proof['group']}: {proof['verdict']}: no proof that Entra or Azure rejects DSM "
                f"(connection: {parted(proof['connection'])[0]}; sync: {parted(proof['sync'])[0]})."
            )
    if not told:
        return ""
    return printable(
        " ".join([*told, f"Run the playbook again {f'after {until}' if until else 'when the cause is corrected'}."])
    )


def restored(result: Result) -> list[str]:
    """The report of ``restore_access.yml``. ``result``: of azure_kv_access, failed or not."""
    told = outcome(result)
    listed = told.get("steps")
    if listed is None:
        first = "It is unknown which steps were done."
    else:
        first = f"{len(listed)} step(s){' planned; nothing was changed' if told.get('planned') else ''}."
    return [printable(line) for line in (first, *steps(listed or []), *findings(told.get("findings") or []))]
