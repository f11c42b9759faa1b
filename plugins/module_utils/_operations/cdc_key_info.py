# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The keys of CDC groups on both sides, and what differs (guide 1.2, 4.7). Both clients are read-only."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, TypeVar

from .._argspec import ArgumentSpec
from .._azure.consumers.key_references import checked_names
from .._azure.keys import arm_keys, vault_keys
from .._azure.keys.key_records import VaultKey
from .._azure.keys.vault_reading import VaultContents, label_of, read_vault, with_details, with_versions_of
from .._azure.rights.facts import MANAGED_HSM, VAULT
from .._azure.vaults import vault_lookup
from .._azure.wire import channel
from .._azure.wire.channel import Channel
from .._azure.wire.cloud import is_hsm_uri
from .._azure.wire.credential import Operator, operator_of
from .._azure.wire.errors import AzureError
from .._compliance.azure_reader import asked, no_vault, not_wanted
from .._compliance.findings import not_seen
from .._dsm.groups import stored_groups
from .._dsm.groups.selection import Selection, resolve
from .._dsm.groups.stored_groups import Group
from .._dsm.keys.key_reading import list_keys, read_sources
from .._dsm.keys.key_records import DsmKey, copies_in, rotating_in
from .._dsm.link.azure_link import Link
from .._dsm.wire.client import DsmClient, connect
from .._errors import TaskError
from .._findings import catalog
from .._findings.finding import ranked
from .._ids import checked_uuid
from .._keys.key_findings import KeyRequirements, counts_of, findings_about_keys
from .._keys.key_results import record_of
from .._keys.reconciliation import ObservedKeys, reconcile, unidentified
from .._names import name_key, path_key
from .._options import AZURE, DSM, GROUP_SELECTION
from .._rest.statuses import FORBIDDEN
from .._task import Task
from .._timestamps import iso

T = TypeVar("T")
LIST, VERSIONS = "list", "versions"
# For this many keys of a vault, the versions are read where times do not tell whether DSM has the current one.
_MOST_SINGLE = 25
SPEC = AZURE.merge(
    DSM,
    GROUP_SELECTION,
    ArgumentSpec(
        argument_spec={
            "names": {"type": "list", "elements": "str", "default": []},
            "depth": {"type": "str", "choices": [LIST, VERSIONS], "default": LIST},
            "look_in_azure": {"type": "bool", "default": True},
            "renew_before_days": {"type": "int", "default": 30},
            "max_age_days": {"type": "int"},
            "require_expiry": {"type": "bool", "default": False},
            "require_hsm": {"type": "bool", "default": False},
            "min_hsm_platform": {"type": "int", "choices": [1, 2]},
            # A number of keys.
            "max_keys": {"type": "int", "default": 10000, "no_log": False},
        },
    ),
)


@dataclass
class _Vaults:
    """The vaults of a run, each read once, whichever groups use it.

    ``most``: of so many keys of a vault, all versions are read; None for the list of keys only.
    """

    operator: Operator
    stack: ExitStack
    most: int | None
    names: frozenset[str]
    channels: dict[str, Channel] = field(default_factory=dict)
    # Resource IDs of those that are read through Resource Manager.
    through_arm: dict[str, str] = field(default_factory=dict)
    # What was read, or the error.
    known: dict[Hashable, Any] = field(default_factory=dict)

    def read(self, link: Link, label: str) -> VaultContents:
        """Raises TaskError: the operator cannot list its keys, or it is not in the operator's cloud."""
        place = path_key(link.vault_uri)
        return self._once(place, lambda: self._read(place, link, label))

    def _once(self, key: Hashable, read: Callable[[], T]) -> T:
        if key not in self.known:
            self.known[key] = asked(read)
        found: T | TaskError = self.known[key]
        if isinstance(found, TaskError):
            raise found
        return found

    def _read(self, place: str, link: Link, label: str) -> VaultContents:
        self.channels[place] = self.stack.enter_context(channel.keys(self.operator, link.vault_uri))
        try:
            return read_vault(self.channels[place], label, most=self.most, names=self.names)
        except AzureError as error:
            if error.status != FORBIDDEN:
                raise
            found = asked(partial(self._read_through_arm, place, link, label, error.reason))
            if isinstance(found, TaskError):
                # What the vault requires is the better advice: it is enough, and also shows deleted keys.
                raise
            return found

    def _read_through_arm(self, place: str, link: Link, label: str, why: str) -> VaultContents:
        kind = MANAGED_HSM if is_hsm_uri(link.vault_uri) else VAULT
        subscription = checked_uuid("subscription of the link", link.subscription_id)
        listed = self._once((kind, subscription), lambda: list(vault_lookup.list_all(self._arm, kind, subscription)))
        wanted = vault_lookup.Locator(uri=link.vault_uri)
        vault_id = next((str(entry["id"]) for entry in listed if wanted.fits(entry)), None)
        if vault_id is None:
            raise no_vault()
        self.through_arm[place] = vault_id
        return arm_keys.read_vault(self._arm, vault_id, label, most=self.most, names=self.names, why=why)

    @cached_property
    def _arm(self) -> Channel:
        return self.stack.enter_context(channel.arm(self.operator, read_only=True))

    def _with_versions(self, place: str, label: str, key: VaultKey) -> VaultKey:
        if place in self.through_arm:
            return arm_keys.with_versions(self._arm, self.through_arm[place], key, label)
        return vault_keys.with_versions(self.channels[place], key, label)

    def details(self, link: Link, label: str, contents: VaultContents, in_dsm: list[DsmKey]) -> VaultContents:
        """What a comparison of material and of rotation policies needs; and versions, where times do not suffice."""
        place = path_key(link.vault_uri)
        if self.most is not None:
            if place in self.through_arm:
                return contents
            copies, rotating = copies_in(in_dsm), rotating_in(in_dsm)
            return with_details(self.channels[place], label, contents, copies=copies, rotating=rotating)
        listed = ObservedKeys(in_dsm, None, contents.keys, clocks_apart=self.operator.clock.apart("DSM"))
        unclear = [one.name for one in reconcile(listed) if one.is_unclear]
        names = {name_key(name) for name in unclear[:_MOST_SINGLE]}
        return with_versions_of(contents, names, partial(self._with_versions, place, label))


def run(task: Task) -> dict[str, Any]:
    params = task.params
    selection = _selection(params)
    requested = checked_names(params["names"])
    names = frozenset(requested)
    operator = operator_of(task) if params["look_in_azure"] else None
    with ExitStack() as stack:
        dsm = stack.enter_context(connect(task, read_only=True))
        groups = _groups(task, dsm, selection)
        most = params["max_keys"] if params["depth"] == VERSIONS else None
        vaults = None if operator is None else _Vaults(operator, stack, most, names)
        found = [_looked_at(task, dsm, vaults, group, names) for group in groups]
    _warn_of_unknown(task, requested, found)
    return {
        "changed": False,
        "checked_at": iso(task.clock.now().replace(microsecond=0)),
        "groups": found,
    }


def _warn_of_unknown(task: Task, requested: Mapping[str, str], groups: list[dict[str, Any]]) -> None:
    """Without a warning, a typo in a name would look like a key without findings."""
    known = {name_key(key["name"]) for group in groups for key in group["keys"]}
    missing = [name for key, name in requested.items() if key not in known]
    if missing:
        task.warn(f"Option names: no key {', '.join(missing)} was found in {len(groups)} groups. Check the names.")


# Options --------------------------------------------------------------------------------------------------------------


def _selection(params: Mapping[str, Any]) -> Selection | None:
    """The requested group; None for all groups that are linked to Azure."""
    given = any(params[option] is not None for option in ("group_name", "group_id", "group"))
    return Selection.from_params(params) if given else None


def _required(task: Task, group: Group) -> KeyRequirements:
    params = task.params
    return KeyRequirements(
        now=task.clock.now(),
        renew_before=timedelta(days=params["renew_before_days"]),
        max_age=None if params["max_age_days"] is None else timedelta(days=params["max_age_days"]),
        require_expiry=params["require_expiry"],
        require_hsm=params["require_hsm"],
        min_hsm_platform=params["min_hsm_platform"],
        in_managed_hsm=is_hsm_uri(group.azure_link.vault_uri),
        exact=params["depth"] == VERSIONS,
    )


# Reading --------------------------------------------------------------------------------------------------------------


def _groups(task: Task, dsm: DsmClient, selection: Selection | None) -> list[Group]:
    if selection is not None:
        return [resolve(dsm, selection, check_mode=task.check_mode)]
    found = sorted(map(Group.as_shown, stored_groups.list_all(dsm)), key=lambda group: group.name)
    stored_groups.warn_of_problems(task.warn, found)
    return [group for group in found if group.link is not None]


def _looked_at(
    task: Task, dsm: DsmClient, vaults: _Vaults | None, group: Group, names: frozenset[str]
) -> dict[str, Any]:
    link, unread = group.azure_link, dict[str, str]()
    in_dsm: list[DsmKey] = []
    if group.group_id is None:
        unread["keys"] = "a previous step has only planned the group"
    else:
        every = list_keys(dsm, group.group_id, group.label)
        # A record that names no key of the vault may be that of a requested key.
        nameless = {one.key.kid for one in unidentified(every)}
        in_dsm = (
            [one for one in every if one.key.kid in nameless or name_key(one.key.azure_name) in names]
            if names
            else every
        )
    sources = read_sources(dsm, in_dsm)
    if sources.unread:
        unread["sources"] = f"the DSM identity cannot read {len(sources.unread)} source keys"
    contents = asked(lambda: _contents(vaults, link, in_dsm))
    unseen = []
    if isinstance(contents, TaskError):
        unread["vault"] = contents.reason
        unseen = [not_seen(catalog.KEYS, f"keys of {group.label}", "Azure", contents.reason, contents.next_step)]
        observed = ObservedKeys(in_dsm, sources)
    else:
        unread.update(contents.unread)
        observed = ObservedKeys(in_dsm, sources, contents.keys, contents.deleted, task.clock.apart("DSM"))
    found, facts, keys = findings_about_keys(group.label, observed, _required(task, group))
    return {
        "group": {"group_id": group.group_id, "name": group.name},
        "vault_uri": link.vault_uri or None,
        "keys": [record_of(key, link.vault_uri, facts) for key in keys],
        "findings": [one.record() for one in ranked([*found, *unseen])],
        "counts": counts_of(keys),
        "not_read": [{"what": what, "reason": reason} for what, reason in sorted(unread.items())],
    }


def _contents(vaults: _Vaults | None, link: Link, in_dsm: list[DsmKey]) -> VaultContents:
    """Raises TaskError: the vault is not to be read, or cannot be."""
    if vaults is None:
        raise not_wanted()
    if not link.vault_uri:
        raise no_vault()
    label = label_of(link.vault_uri)
    return vaults.details(link, label, vaults.read(link, label), in_dsm)
