# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Evaluates the findings of a compliance run by a policy. Pure: the time is that of the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from .._errors import InvalidInput, quoted
from .._findings.catalog import CATALOG, CHECKS, OF_COMPLIANCE, OF_THE_RUN, WAIVER_EXPIRED, WAIVER_UNUSED
from .._findings.finding import FAILED, HIGH, INFO, LOW, MEDIUM, OK, UNKNOWN, WARNING, Finding
from .._findings.renamed import RENAMED
from .._names import same_name
from .controls import CONTROLS

T = TypeVar("T")

NEVER = "never"
SEVERITIES = (INFO, LOW, MEDIUM, HIGH)
# Passes, and findings about waivers themselves, cannot be waived.
NOT_WAIVABLE = frozenset(kind.id for kind in (*CHECKS.values(), *OF_THE_RUN))
PASS, FAIL, WAIVED = "pass", "fail", "waived"
_OPTION = "cdc_compliance_policy"
STATUSES = (FAILED, UNKNOWN, WARNING, OK)


@dataclass(frozen=True)
class Waiver:
    """Findings of one kind that are accepted until the end of a day, UTC. ``group``: name or ID; None for all."""

    id: str
    reason: str
    expires: date
    group: str | None = None

    def fits(self, group: Mapping[str, Any] | None, finding: Mapping[str, Any]) -> bool:
        if finding["id"] != self.id or finding["status"] == OK:
            return False
        return self.group is None or (group is not None and self.names(group))

    def names(self, group: Mapping[str, Any]) -> bool:
        """Whether the waiver applies to this group, by its name or ID."""
        return self.group == group["name"] or same_name(self.group, group["group_id"])

    def record(self) -> dict[str, Any]:
        return {"id": self.id, "group": self.group, "reason": self.reason, "expires": self.expires.isoformat()}


@dataclass(frozen=True)
class Policy:
    """``fail_on``: least severity of a failed finding that fails the run; ``fail_on_warnings``: of a warning."""

    severity: Mapping[str, str] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    fail_on: str = LOW
    fail_on_warnings: str = NEVER
    fail_on_unknown: bool = True

    @classmethod
    def from_option(cls, option: Any) -> Policy:
        """From the role's option; omitted keys have their defaults.

        Raises:
            InvalidInput: a name is unknown. A typo must not disable a check.
        """
        known = ("severity", "waivers", "fail_on", "fail_on_warnings", "fail_on_unknown")
        _check_names(_OPTION, option, known)
        severity = option.get("severity") or {}
        for name in severity if isinstance(severity, Mapping) else ():
            _refuse_what_is_never_found(f"{_OPTION}.severity", name)
        _check_names(f"{_OPTION}.severity", severity, OF_COMPLIANCE)
        for name, value in severity.items():
            _check_choice(f"{_OPTION}.severity.{name}", value, SEVERITIES)
        for name in ("fail_on", "fail_on_warnings"):
            _check_choice(f"{_OPTION}.{name}", option.get(name, NEVER), (*SEVERITIES, NEVER))
        unknown = option.get("fail_on_unknown", True)
        if not isinstance(unknown, bool):
            raise InvalidInput(f"{_OPTION}.fail_on_unknown", f"{quoted(unknown)} is not a boolean", "set true or false")
        waivers = option.get("waivers") or []
        if not isinstance(waivers, (list, tuple)):
            raise InvalidInput(f"{_OPTION}.waivers", "it is not a list", "set a list of waivers")
        return cls(
            severity=dict(severity),
            waivers=tuple(_waiver(f"{_OPTION}.waivers[{index}]", one) for index, one in enumerate(waivers)),
            fail_on=option.get("fail_on", LOW),
            fail_on_warnings=option.get("fail_on_warnings", NEVER),
            fail_on_unknown=unknown,
        )

    def record(self) -> dict[str, Any]:
        return {
            "severity": dict(self.severity),
            "waivers": [waiver.record() for waiver in self.waivers],
            "fail_on": self.fail_on,
            "fail_on_warnings": self.fail_on_warnings,
            "fail_on_unknown": self.fail_on_unknown,
        }

    def outcome(self, status: str, severity: str) -> str:
        """Whether a finding without a waiver passes."""
        if status == UNKNOWN:
            return FAIL if self.fail_on_unknown else PASS
        least = {FAILED: self.fail_on, WARNING: self.fail_on_warnings}.get(status, NEVER)
        return FAIL if least != NEVER and SEVERITIES.index(severity) >= SEVERITIES.index(least) else PASS


def judge(policy: Policy, result: Mapping[str, Any]) -> dict[str, Any]:
    """The groups and findings of a run with an ``outcome`` each, and the verdict.

    A waiver does not change the status: it makes an unknown acceptable, never known.

    Args:
        result: of the module cdc_compliance_info.

    Returns:
        ``verdict``: pass or fail. ``status``, ``summary``, ``groups``, ``findings`` of the run.
    """
    today = date.fromisoformat(str(result["checked_at"])[:10])
    current = [waiver for waiver in policy.waivers if waiver.expires >= today]
    used: set[Waiver] = set()

    def judged(group: Mapping[str, Any] | None, finding: Mapping[str, Any]) -> dict[str, Any]:
        severity = policy.severity.get(finding["id"], finding["severity"])
        hits = [waiver for waiver in current if waiver.fits(group, finding)]
        used.update(hits)
        outcome = policy.outcome(finding["status"], severity)
        return {
            **finding,
            "severity": severity,
            "controls": controls.listed() if (controls := CONTROLS.get(finding["id"])) else [],
            "outcome": WAIVED if hits else outcome,
            "waiver": {name: hits[0].record()[name] for name in ("reason", "expires")} if hits else None,
        }

    groups = []
    for group in result["groups"]:
        findings = sorted((judged(group, finding) for finding in group["findings"]), key=rank)
        groups.append({**group, "verdict": _verdict(findings), "findings": findings})
    of_waivers = [
        *(_expired(waiver) for waiver in policy.waivers if waiver not in current),
        *(_unused(waiver) for waiver in current if waiver not in used and _is_for(waiver, result)),
    ]
    told = [*result["findings"], *(finding.record() for finding in of_waivers)]
    of_run = sorted((judged(None, {"check": "run", **finding}) for finding in told), key=rank)
    every = [*of_run, *(finding for group in groups for finding in group["findings"])]
    return {
        "verdict": _verdict(every),
        "status": _worst(every),
        "summary": {
            "groups": len(groups),
            "groups_passed": sum(group["verdict"] == PASS for group in groups),
            "groups_failed": sum(group["verdict"] == FAIL for group in groups),
            "statuses": {status: sum(one["status"] == status for one in every) for status in STATUSES},
            "failing": sum(one["outcome"] == FAIL for one in every),
            "waived": sum(one["outcome"] == WAIVED for one in every),
        },
        "groups": groups,
        "findings": of_run,
    }


def _is_for(waiver: Waiver, result: Mapping[str, Any]) -> bool:
    """Whether the waiver was relevant for this run: a run over some groups says nothing about waivers for others."""
    return bool(result["options"]["all_groups"]) or any(waiver.names(group) for group in result["groups"])


def rank(finding: Mapping[str, Any]) -> tuple[bool, int, bool, int, str]:
    """The order of findings in every report: the most severe first, and what is ok last. Set severities count."""
    return (
        finding["status"] == OK,
        -SEVERITIES.index(finding["severity"]),
        finding["outcome"] != FAIL,
        STATUSES.index(finding["status"]),
        finding["id"],
    )


def worst_of(findings: Iterable[tuple[T, Mapping[str, Any]]]) -> tuple[T, Mapping[str, Any]] | None:
    """The finding that decides about a group or a check, with its companion: failing ones first, then by status."""
    return min(findings, key=lambda one: (one[1]["outcome"] != FAIL, STATUSES.index(one[1]["status"])), default=None)


def _verdict(findings: Iterable[Mapping[str, Any]]) -> str:
    return FAIL if any(finding["outcome"] == FAIL for finding in findings) else PASS


def _worst(findings: Iterable[Mapping[str, Any]]) -> str:
    statuses = {finding["status"] for finding in findings}
    return next((status for status in STATUSES if status in statuses), OK)


def _waiver(place: str, option: Any) -> Waiver:
    _check_names(place, option, ("id", "group", "reason", "expires"))
    name = str(option.get("id") or "")
    _refuse_what_is_never_found(f"{place}.id", name)
    if name not in OF_COMPLIANCE or name in NOT_WAIVABLE:
        raise InvalidInput(
            f"{place}.id", f"{quoted(name)} cannot be waived", "set the ID of a finding in docs/findings.md"
        )
    reason = option.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise InvalidInput(f"{place}.reason", "it is missing", "state the reason, and who approved the waiver")
    try:
        # YAML parses a date as a date object.
        expires = date.fromisoformat(str(option.get("expires"))[:10])
    except ValueError:
        raise InvalidInput(
            f"{place}.expires", "it is not a date", "set a date such as 2027-01-31; the waiver includes that day"
        ) from None
    group = option.get("group")
    if group is not None and (not isinstance(group, str) or not group.strip()):
        remedy = "set the name or ID of a group, or omit it for all groups"
        raise InvalidInput(f"{place}.group", "it is not a name", remedy)
    return Waiver(name, reason.strip(), expires, group)


def _expired(waiver: Waiver) -> Finding:
    return _of_waiver(
        WAIVER_EXPIRED,
        FAILED,
        waiver,
        "a date in the future",
        waiver.expires.isoformat(),
        "resolve the waived finding, or renew the waiver",
    )


def _unused(waiver: Waiver) -> Finding:
    return _of_waiver(WAIVER_UNUSED, WARNING, waiver, "a matching finding", "none", "remove the waiver from the policy")


def _of_waiver(kind: Any, status: str, waiver: Waiver, expected: str, actual: str, remedy: str) -> Finding:
    label = f"waiver of {waiver.id} for {waiver.group or 'all groups'}"
    return Finding(kind, status, "Policy", label, expected, actual, remedy, waiver.record())


def _refuse_what_is_never_found(place: str, name: Any) -> None:
    """Refuse finding IDs from before version 1.0, and IDs that only modules outside of compliance runs report."""
    new, kind = RENAMED.get(str(name)), CATALOG.get(str(name))
    if new is not None:
        usable = new in OF_COMPLIANCE and new not in NOT_WAIVABLE
        raise InvalidInput(
            place,
            f"the finding {name} was renamed to {new}",
            f"set {new}" if usable else "remove it: a policy cannot contain this ID",
        )
    if kind is not None and kind.id not in OF_COMPLIANCE:
        raise InvalidInput(
            place,
            f"{name} is reported only by {kind.area}, never by a compliance run",
            "remove this entry from the policy",
        )


def _check_names(place: str, option: Any, known: Iterable[str]) -> None:
    if not isinstance(option, Mapping):
        raise InvalidInput(place, "it is not a dictionary", "see docs/compliance.md")
    strange = sorted(str(name) for name in option if name not in set(known))
    if strange:
        raise InvalidInput(
            place, f"it contains unknown names: {', '.join(strange)}", "see docs/compliance.md and docs/findings.md"
        )


def _check_choice(place: str, value: Any, choices: Iterable[str]) -> None:
    if value not in tuple(choices):
        raise InvalidInput(place, f"{quoted(value)} is not a valid choice", f"set one of {', '.join(choices)}")
