# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What the hosts of a run share in Azure: each application, vault, and pair of both, and who makes it. No I/O.

A declaration holds the desired application, vault and permissions of one group; a host has one for each of its groups.
It is built from named values only, so no credential of a link gets into a fact.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from .._errors import sentence
from .._names import location_key, name_key, path_key, tag_keys
from .._texts.plain import bare
from .applications import APPLICATION, CREDENTIAL, PAIR
from .applications import SELECTORS as APPLICATION_SELECTORS
from .vaults import AZURE_VAULT, VAULT

# The options by which permissions are evaluated. Granting them also requires a role.
JUDGED = (
    "rights_profile",
    "key_permissions",
    "dsm_egress_addresses",
    "renew_before_days",
    "app_object_id",
    "app_certificate",
)
_RIGHTS = (*JUDGED, "data_role")
OPTIONS = (
    "name",
    "application",
    "azure_vault",
    "vault",
    "azure_service",
    "link_client_id",
    "link_subscription_id",
    *_RIGHTS,
    "check_prerequisites",
    "repair_prerequisites",
)
# Findings of the prerequisites that a new credential resolves.
_OF_CREDENTIALS = frozenset({"no-credential", "credentials-expired"})
# How texts of these options are compared.
_IDS = ("client_id", "unique_name", "link_client_id", "link_subscription_id", "app_object_id", "data_role")
_KEYS: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(("name", "resource_group", "key_permissions", *_IDS), name_key),
    **dict.fromkeys(("resource_id", "uri"), path_key),
    "location": location_key,
}

Declaration = Mapping[str, Any]


@dataclass(frozen=True)
class _Group:
    """One group of one host, with its declaration."""

    host: str
    index: int
    alone: bool
    declared: Declaration

    @property
    def label(self) -> str:
        return self.host if self.alone else f"{self.host} (group {self.index + 1})"


@dataclass(frozen=True)
class _Claim:
    """What one group declares of one object. ``key``: identifies the object; ``values``: its desired state."""

    key: str
    label: str
    values: Mapping[str, Any]


# Declarations -------------------------------------------------------------------------------------------------------


def declarations(groups: Sequence[Mapping[str, Any]], own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The declaration of each group. ``own``: the host's values, used where a group sets none; None counts as unset."""
    return [_declaration({**own, **group}) for group in groups or [{}]]


def _declaration(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {option: bare(given[option]) for option in OPTIONS if given.get(option) is not None}
    for option, fields in (
        ("application", tuple(APPLICATION)),
        ("azure_vault", tuple(AZURE_VAULT)),
        ("vault", tuple(VAULT)),
    ):
        part = named(found.pop(option, None), fields)
        if part:
            found[option] = part
    # AWX sends an empty string for a survey question without an answer.
    if found.get("azure_vault", {}).get("location") == "":
        del found["azure_vault"]["location"]
    application = found.get("application", {})
    if "generate_certificate" in application:
        application["generate_certificate"] = named(application["generate_certificate"], PAIR)
    if "credential" in application:
        application["credential"] = named(application["credential"], CREDENTIAL)
    if "certificates" in application:
        # A text may contain more than the certificate, such as a key.
        application["certificates"] = [_digest(one) for one in application["certificates"]]
    if "app_certificate" in found:
        found["app_certificate"] = _digest(found["app_certificate"])
    return found


def named(value: Any, fields: Iterable[str]) -> dict[str, Any]:
    part = value if isinstance(value, Mapping) else {}
    return {field: part[field] for field in fields if part.get(field) is not None}


def _digest(text: Any) -> str:
    return hashlib.sha256(str(text).encode()).hexdigest()[:16]


# Division of work ---------------------------------------------------------------------------------------------------


def shared(hosts: Mapping[str, Sequence[Declaration]]) -> dict[str, Any]:
    """The work of each host, and where each group finds the results that it depends on.

    ``work``: host -> task -> indexes of the groups for which the host runs that task. ``groups``: host -> for each of
    its groups ``application``, ``vault`` and ``rights``, each None or the ``host``, ``task`` and ``position`` of the
    result, with a ``label``. ``serial_grants``: whether permissions are granted at a vault more than once, and so one
    after the other. ``needs``: required features of DSM, as in cdc_account_info. ``conflicts``: sentences.
    """
    everyone = [
        _Group(host, index, len(declared) == 1, one)
        for host, declared in hosts.items()
        for index, one in enumerate(declared)
    ]
    tasks = ("applications", "vaults", "judged", "granted_first", "granted")
    work: dict[str, dict[str, list[int]]] = {host: {task: [] for task in tasks} for host in hosts}
    places: dict[str, dict[str, Any]] = {}

    def place(task: str, claim: _Claim, group: _Group) -> dict[str, Any]:
        if claim.key not in places:
            mine = work[group.host][task]
            places[claim.key] = {"host": group.host, "task": task, "position": len(mine), "label": claim.label}
            mine.append(group.index)
        return places[claim.key]

    grants = _first_of_each(group for group in everyone if _repairs(group))
    openers = _openers(grants)
    # Groups that repair a pair come first, so that groups that only check it check the repaired state.
    for key, group in grants.items():
        place("granted_first" if key in openers else "granted", _rights_of(group), group)
    groups: dict[str, list[dict[str, Any]]] = {host: [] for host in hosts}
    for group in everyone:
        application, vault, rights = _application_of(group), _vault_of(group), _rights_of(group)
        judged = _repairs(group) or _wants(group, "check_prerequisites")
        groups[group.host].append(
            {
                "application": place("applications", application, group) if application.key else None,
                "vault": place("vaults", vault, group) if vault.key else None,
                "rights": place("judged", rights, group) if judged and rights.key else None,
                "makes_credential": "credential" in group.declared.get("application", {}),
            }
        )
    later = [_vault_key(group) for key, group in grants.items() if key not in openers]
    return {
        "work": work,
        "groups": groups,
        "serial_grants": len(set(later)) < len(later),
        "needs": ["azure_link", *(["managed_hsm"] if _has_managed_hsm(everyone) else [])],
        "conflicts": conflicts(everyone),
    }


def _has_managed_hsm(everyone: Iterable[_Group]) -> bool:
    return any(one.get("type") == "managed_hsm" for group in everyone for one in _vaults(group))


def problems(shared_now: Mapping[str, Any], batch: Sequence[str], host: str, strategy: str) -> list[str]:
    """Why the hosts of a run cannot share objects.

    Each task of the setup must finish on all hosts before the next one starts, as with ``strategy: linear``. With it,
    the first host runs a task with ``run_once``; with ``free``, each host runs it and overwrites the others' results.

    Args:
        shared_now: of :func:`shared`, with ``shared_by``.
        batch: the hosts of the current batch.
        host: the current host.
        strategy: that Ansible is configured to use.
    """
    is_linear = strategy.endswith(("linear", "debug"))
    if len(batch) > 1 and not (is_linear and host == batch[0] == shared_now["shared_by"]):
        return [
            "The hosts of a setup share applications, vaults and permissions, so all hosts must finish each task "
            "before the next one starts. The strategy of this run does not ensure that. Use strategy: linear (unset "
            "ANSIBLE_STRATEGY, or strategy in the section [defaults] of ansible.cfg)."
        ]
    return list(shared_now["conflicts"])


def nameless(hosts: Mapping[str, Sequence[Declaration]]) -> list[str]:
    """The groups that have no name, a sentence for each."""
    return [
        f"{_Group(host, index, len(declared) == 1, one).label} declares no group: cdc_setup_name is not set."
        for host, declared in hosts.items()
        for index, one in enumerate(declared)
        if not str(one.get("name", "")).strip()
    ]


def _wants(group: _Group, option: str) -> bool:
    return bool(boolean(group.declared.get(option, False), strict=False))


def _repairs(group: _Group) -> bool:
    return _wants(group, "repair_prerequisites") and bool(_rights_of(group).key)


def _first_of_each(groups: Iterable[_Group]) -> dict[str, _Group]:
    found: dict[str, _Group] = {}
    for group in groups:
        found.setdefault(_rights_of(group).key, group)
    return found


def _openers(grants: Mapping[str, _Group]) -> set[str]:
    """The first pair for each role: a custom role belongs to the subscription and is created once, before the rest."""
    first: dict[str, str] = {}
    for key, group in grants.items():
        options = ("azure_service", "link_subscription_id", *_RIGHTS)
        first.setdefault(_text(_plain("", {option: group.declared.get(option) for option in options})), key)
    return set(first.values())


def _vaults(group: _Group) -> list[Mapping[str, Any]]:
    return [group.declared[option] for option in ("azure_vault", "vault") if option in group.declared]


# Objects ------------------------------------------------------------------------------------------------------------


def _application_of(group: _Group) -> _Claim:
    values = group.declared.get("application", {})
    for by in APPLICATION_SELECTORS:
        if by in values:
            # A display name that identifies the application is not a setting of it.
            settings = {name: value for name, value in values.items() if name != by}
            named = name_key(values[by])
            return _Claim(f"application|{_cloud(group)}|{by}|{named}", f'application "{values[by]}"', settings)
    return _Claim("", "", {})


def _vault_of(group: _Group) -> _Claim:
    """Names are unique in a cloud, separately for vaults and managed HSMs."""
    values = group.declared.get("azure_vault", {})
    if "name" not in values:
        return _Claim("", "", {})
    kind = "managed HSM" if values.get("type") == "managed_hsm" else "vault"
    where = {"link_subscription_id": group.declared.get("link_subscription_id")}
    key = f"{kind}|{_cloud(group)}|{_plain('name', values['name'])}"
    return _Claim(key, f'{kind} "{values["name"]}"', {**values, **where})


def _rights_of(group: _Group) -> _Claim:
    """The permissions of one application at one vault."""
    if not _vaults(group):
        return _Claim("", "", {})
    who = _application_of(group).key, _plain("link_client_id", group.declared.get("link_client_id"))
    values = {option: group.declared[option] for option in _RIGHTS if option in group.declared}
    at = _vault_of(group).label or f"vault {_selected(group.declared['vault'])}"
    label = f"permissions of the {_application_of(group).label or 'given application'} at the {at}"
    return _Claim(f"rights|{_text(who)}|{_vault_key(group)}", label, values)


def _selected(vault: Mapping[str, Any]) -> str:
    named = [vault[field] for field in ("name", "resource_id", "uri") if field in vault]
    return f'"{named[0]}"' if named else f"with the tags {_text(vault.get('tags', {}))}"


def _vault_key(group: _Group) -> str:
    selected = {option: group.declared.get(option) for option in ("vault", "link_subscription_id")}
    return _vault_of(group).key or _cloud(group) + _text(_plain("", selected))


def _cloud(group: _Group) -> str:
    return str(group.declared.get("azure_service", "global"))


def _plain(field: str, value: Any) -> Any:
    """A value, or the values in it, normalized for comparison."""
    if isinstance(value, str):
        return _KEYS[field](value) if field in _KEYS else value
    if isinstance(value, Mapping):
        return tag_keys(value) if field == "tags" else {name: _plain(name, one) for name, one in value.items()}
    return [_plain(field, one) for one in value] if isinstance(value, (list, tuple)) else value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


# Conflicts ----------------------------------------------------------------------------------------------------------


def conflicts(everyone: Iterable[_Group]) -> list[str]:
    """Contradictions: two groups that declare one object differently, or two declarations of the same group."""
    found: list[str] = []
    first: dict[str, tuple[_Group, _Claim]] = {}
    files: dict[str, tuple[_Group, _Claim]] = {}
    names: dict[str, _Group] = {}
    for group in everyone:
        application = _application_of(group)
        for claim in (application, _vault_of(group), _rights_of(group)):
            if not claim.key:
                continue
            other, others = first.setdefault(claim.key, (group, claim))
            different = _differences(others.values, claim.values)
            if different:
                what = "; ".join(different)
                found.append(f"{other.label} and {group.label} declare the {claim.label} differently: {what}.")
        for path in _files(application):
            other, others = files.setdefault(path, (group, application))
            if others.key != application.key:
                two = f"{others.label} and the {application.label}"
                found.append(f"{other.label} and {group.label} generate {path} for the {two}: use separate files.")
        name = str(group.declared.get("name", "")).strip()
        if name and names.setdefault(name, group) is not group:
            found.append(f'{names[name].label} and {group.label} both declare the group "{name}".')
    return found


def _files(application: _Claim) -> list[str]:
    pair = application.values.get("generate_certificate", {})
    return [str(pair[field]) for field in ("certificate_path", "key_path") if field in pair]


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    fields = [
        field
        for field in sorted({*one, *other})
        if _text(_plain(field, one.get(field))) != _text(_plain(field, other.get(field)))
    ]
    return [f"{field} ({_shown(one.get(field))}, {_shown(other.get(field))})" for field in fields]


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value) if isinstance(value, (str, int, bool)) else _text(value)


# What has failed ----------------------------------------------------------------------------------------------------


def failures(places: Sequence[Mapping[str, Any]], results: Mapping[str, Any], prefix: str = "cdc_setup_") -> list[str]:
    """Why the groups of a host cannot be set up, each reason once.

    Args:
        results: host -> its variables.
        prefix: of the variables that hold the results of a task, and of those that are options.
    """
    found: dict[str, None] = {}
    for group in places:
        # Findings that the next step resolves do not count.
        coming = _OF_CREDENTIALS if group.get("makes_credential") else frozenset()
        for place in (group["application"], group["vault"], group["rights"]):
            if place is not None:
                found.update(dict.fromkeys(_failures_of(place, results[place["host"]], coming, prefix)))
    return list(found)


def _failures_of(
    place: Mapping[str, Any], variables: Mapping[str, Any], coming: Collection[str], prefix: str
) -> list[str]:
    # Empty: the tags of the run did not select the task.
    done = variables.get(prefix + place["task"], {})
    results = done.get("results") or []
    # A task without results failed before its first object.
    result = results[place["position"]] if place["position"] < len(results) else done
    if result.get("failed"):
        said = result.get("msg", "no reason was returned")
        return [f"The task for the {place['label']} failed {_where(place, prefix)}: {said}"]
    unmet_now = unmet(result, but=coming) if result.get("verdict") == "failed" else []
    if not unmet_now:
        return []
    said = f"The prerequisites in Azure are not met (checked {_where(place, prefix)}). {' '.join(unmet_now)}"
    return [
        f"{said} Set {prefix}repair_prerequisites: true to grant missing permissions, or {prefix}check_prerequisites: "
        "false to skip this check."
    ]


def _where(place: Mapping[str, Any], prefix: str) -> str:
    """Without a prefix, it is one task about a list of groups, whose "hosts" are elements of the list."""
    return f"on host {place['host']}" if prefix else f"for {place['host']}"


def unmet(result: Mapping[str, Any], statuses: Collection[str] = ("failed",), but: Collection[str] = ()) -> list[str]:
    """A sentence for each finding on the prerequisites that has one of these statuses.

    Args:
        result: of the modules azure_kv_prereqs and azure_kv_prereqs_info; the result of a skipped task has no findings.
        but: IDs of findings to ignore.
    """
    return [
        f"{one['id']} ({one['expected']}): {sentence(one['actual'])} Next: {sentence(one['remedy'])}"
        for one in result.get("findings") or []
        if one["status"] in statuses and one["id"] not in but
    ]


def prerequisites_summary(result: Mapping[str, Any], fail_on: Collection[str]) -> dict[str, Any]:
    """The result for one vault. ``unmet``: why the role must stop, or an empty string."""
    vault, verdict = result["vault"]["name"], result["verdict"]
    ids = ", ".join(finding["id"] for finding in result["findings"])
    stopping = [f"{vault} ({verdict}):", *unmet(result, fail_on)] if verdict in fail_on else []
    return {
        **{name: bare(result[name]) for name in ("verdict", "findings", "rights")},
        "vault": vault,
        "changed": bool(result.get("changed")),
        "effect": result.get("effect", "unchanged"),
        "line": f"{vault}: {verdict}{', ' if ids else ''}{ids}",
        "unmet": " ".join(stopping),
    }
