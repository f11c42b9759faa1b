# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What the role cdc_setup would change at one group: its plans, built from the declaration without its credentials.

The plans are the same as those of the modules that the role runs. Two checks that the modules run before a write are
omitted: whether the operator has permission to write, and whether a secret is available.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._azure.applications import application_plan
from .._azure.applications.application_lookup import ApplicationSelector
from .._azure.prerequisites.assessment import wanted_of
from .._azure.rights.evaluation import INEFFECTIVE, MISSING
from .._azure.rights.evaluation import UNKNOWN as NOT_KNOWN
from .._azure.rights.facts import MANAGED_HSM, VAULT, KeyStore
from .._azure.vaults import vault_lookup, vault_settings
from .._azure.vaults.vault_lookup import Locator, VaultAddress
from .._azure.wire.cloud import CLOUDS, Cloud
from .._certificates import loading
from .._certificates.loading import Certificate
from .._declaration.groups import NOT_COMPARED
from .._dsm.groups import desired, link_edit
from .._dsm.groups.link_edit import LinkEdit
from .._dsm.groups.stored_groups import CREDENTIAL_FACT, Group
from .._dsm.link.azure_link import NEW_LINK, Link, normal_uri, shown_address
from .._dsm.link.options import certificate_fact
from .._dsm.link.vaults import VaultSelector
from .._errors import InvalidInput, TaskError
from .._findings import catalog
from .._findings.finding import FAILED, OK, WARNING, Finding
from .._plan import Change, difference
from .azure_reader import AzureReader, asked, why
from .findings import not_seen

Declared = Mapping[str, Any]
_WRITTEN = "link.credential"


def drift_of(
    declared: Declared | None,
    azure: AzureReader | TaskError,
    name: str,
    group: Group | None,
    certificate: Certificate | None = None,
) -> Iterator[Finding]:
    """Differences from the declaration.

    Args:
        declared: an element of the option ``declared``; None for a group that is not declared.
        azure: the reader of Azure and Entra, or why there is none.
        name: of the group.
        group: as stored in DSM; None if it does not exist.
        certificate: the link credential, if DSM returns it.
    """
    label = group.label if group is not None else f'group "{name}"'
    if declared is None:
        remedy = "declare it, or find out who created it and what uses it"
        expected, actual = "every group is declared in the inventory", "no host declares this group"
        yield Finding(catalog.GROUP_NOT_DECLARED, WARNING, "DSM", label, expected, actual, remedy)
        return
    left_out = {name: NOT_COMPARED.get(name, "unknown option") for name in declared["not_compared"]}
    comparison = _Comparison(declared, _of_its_cloud(declared, azure), label, group, certificate, left_out)
    found = list(comparison.findings())
    if not found:
        kind = catalog.CHECKS[catalog.DRIFT]
        actual = f"{kind.title}. Not compared: {', '.join(left_out)}" if left_out else kind.title
        found = [Finding(kind, OK, "DSM", label, kind.title, actual, "", {"declared_by": declared["host"]})]
    yield from (replace(one, evidence={**one.evidence, "not_compared": left_out}) for one in found)


def _of_its_cloud(declared: Declared, azure: AzureReader | TaskError) -> AzureReader | TaskError:
    """The reader, or an error if the group is in another cloud than the operator's, where it cannot be seen."""
    if isinstance(azure, TaskError) or azure.cloud is _cloud_of(declared):
        return azure
    return TaskError(
        f"it is declared in {_cloud_of(declared).name}, but the operator credentials are for {azure.cloud.name}",
        plane="Azure",
        next_step="run once for each cloud, with operator credentials for that cloud",
    )


def _cloud_of(declared: Declared) -> Cloud:
    service = declared["azure_service"] or NEW_LINK.azure_service
    return next(cloud for cloud in CLOUDS if cloud.azure_service == service)


@dataclass(frozen=True)
class _Vault:
    """The declared vault as far as it is known. ``store``: None if it does not exist or was not read."""

    store: KeyStore | None = None
    is_missing: bool = False


@dataclass(frozen=True)
class _Comparison:
    """One declaration and the actual state. Each part is compared separately: an unreadable part hides no other."""

    declared: Declared
    azure: AzureReader | TaskError
    label: str
    group: Group | None
    certificate: Certificate | None
    # Name of a declared option that is not compared -> reason. Comparisons add to it.
    left_out: dict[str, str]

    def findings(self) -> Iterator[Finding]:
        found: list[Finding] = []
        application = self._guarded(catalog.APPLICATION, "Entra", found, self._application)
        vault = self._guarded(catalog.VAULT, "Azure", found, self._vault) or _Vault()
        if self.group is None:
            # The group is missing even if the declared link cannot be determined.
            found.append(self._missing())
        target = self._guarded(catalog.GROUP, "DSM", found, lambda: self._group(application, vault))
        self._guarded(catalog.CREDENTIAL, "DSM", found, self._credential)
        # Without an application or a vault there are no permissions; their absence has been reported.
        is_known = application is not None or self.declared["application"] is None
        if isinstance(target, Link) and is_known and not vault.is_missing:
            self._guarded(catalog.RIGHTS, "Azure", found, lambda: self._rights(target))
        yield from found

    def _guarded(self, part: str, plane: str, found: list[Finding], compare: Any) -> Any:
        """The value that later comparisons use. Findings, or the error, are added to ``found``."""
        result = asked(compare)
        if isinstance(result, TaskError):
            obj = f"{part} of {self.label}"
            # For an invalid declared value, only the text can name the option.
            words = f"{result.obj}: {why(result)}" if isinstance(result, InvalidInput) else why(result)
            found.append(not_seen(catalog.DRIFT, obj, plane, words, result.next_step))
            return None
        told, findings = result
        found.extend(findings)
        return told

    def _differs(self, part: str, plane: str, obj: str, changes: Iterable[Change], actual: str = "") -> list[Finding]:
        made = [{"action": one.action, "before": _shown(one.before), "after": _shown(one.after)} for one in changes]
        names = sorted({name for one in made for name in {*one["before"], *one["after"]}})
        if not made and not actual:
            return []
        host = self.declared["host"]
        return [
            Finding(
                catalog.DIFFERS[part],
                FAILED,
                plane,
                obj,
                f"as declared {f'by host {host}' if host else 'in the inventory'}",
                actual or f"differs in: {', '.join(names)}",
                "run the playbook fortanix.dsm.setup (first with --check), or correct the inventory",
                {"changes": made, "declared_by": host},
            )
        ]

    # Entra ----------------------------------------------------------------------------------------------------------

    def _application(self) -> tuple[str | None, list[Finding]]:
        """The client ID of the declared application; None if it is not known."""
        given = self.declared["application"]
        if given is None:
            return self.declared["link_client_id"], []
        if isinstance(self.azure, TaskError):
            raise self.azure
        # As the role passes it to the module azure_kv_app.
        by = next(name for name in ("client_id", "unique_name", "display_name") if given[name] is not None)
        observed = self.azure.registered(
            ApplicationSelector(by, given[by].strip()),
            key_vault=given["api_permission"] or given["admin_consent"],
            consent=given["admin_consent"],
        )
        found = observed.application
        pair = self._pair()
        wanted = application_plan.DesiredApplication(
            display_name=given["display_name"] or given[by],
            unique_name=given["unique_name"],
            certificates=(
                *(_certificate("application.certificates", one) for one in given["certificates"]),
                *([pair] if pair else []),
            ),
            pair_at=given["certificate_path"] if pair is None else None,
            permission=observed.key_vault if given["api_permission"] else None,
            consent_to=observed.key_vault if given["admin_consent"] else None,
        )
        steps = application_plan.steps_for(wanted, found, self.azure.azure.now())
        obj = f"application {found.display_name if found else given[by]}"
        actual = "" if found is not None else "it does not exist"
        changes = application_plan.changes_of(wanted, found, steps)
        client_id = found.client_id if found is not None else None
        return client_id, self._differs(catalog.APPLICATION, "Entra", obj, changes, actual)

    def _pair(self) -> Certificate | None:
        """The certificate of the pair that the setup generated on this machine; None if the file does not exist."""
        path = (self.declared["application"] or {}).get("certificate_path")
        return (
            _certificate("application.certificate_path", path) if path is not None and os.path.lexists(path) else None
        )

    # Azure ----------------------------------------------------------------------------------------------------------

    def _vault(self) -> tuple[_Vault, list[Finding]]:
        given = self.declared["azure_vault"]
        if given is None:
            return self._selected(), []
        if isinstance(self.azure, TaskError):
            raise self.azure
        wanted = vault_settings.DesiredVault.from_params({**vault_settings.OPTIONS.defaults(), **given})
        place = VaultAddress(self._subscription, given["resource_group"], wanted.kind, given["name"])
        body = self.azure.at(place)
        if body is None:
            return _Vault(is_missing=True), self._differs(catalog.VAULT, "Azure", place.label, (), "it does not exist")
        store = vault_lookup.store_of(place.kind, body)
        try:
            changes = vault_settings.changes(store, wanted)
        except TaskError as error:
            # The vault can no longer be changed to the declared state, so it differs.
            return _Vault(store), self._differs(catalog.VAULT, "Azure", place.label, (), why(error))
        shown = ({name: pair[end] for name, pair in changes.items()} for end in (0, 1))
        update = [Change("Azure", place.label, "update", *difference(*shown), reason="")] if changes else []
        return _Vault(store), self._differs(catalog.VAULT, "Azure", place.label, update)

    @property
    def _subscription(self) -> str:
        """As the role passes it to the Azure modules: that of the link, or the operator's own."""
        given: str | None = self.declared["link_subscription_id"]
        if isinstance(self.azure, TaskError):
            raise self.azure
        return given or self.azure.azure.operator.subscription

    def _selected(self) -> _Vault:
        """The existing vault that is declared. It is read only if the comparison of the link needs it."""
        given = self.declared["vault"]
        if given is None or isinstance(self.azure, TaskError) or given["tags"] is None:
            return _Vault()
        return _Vault(self.azure.named(Locator.from_option(given, self.azure.cloud), self._subscription))

    def _rights(self, link: Link) -> tuple[None, list[Finding]]:
        """The permissions that the role would grant, or whose absence would stop it; ``link`` is the declared link."""
        declared = self.declared
        wants = declared["repair_prerequisites"] or declared["check_prerequisites"]
        is_named = declared["azure_vault"] is not None or declared["vault"] is not None
        if not wants or not is_named or not link.vault_uri:
            return None, []
        if isinstance(self.azure, TaskError):
            raise self.azure
        wanted = wanted_of({**declared, "permission_model": "any"})
        verdicts = self.azure.rights(link, self.certificate, wanted)
        lacking = [one.requirement for one in verdicts if one.verdict in (MISSING, INEFFECTIVE)]
        unknown = [one.requirement for one in verdicts if one.verdict == NOT_KNOWN]
        findings: list[Finding] = []
        obj = f"application {link.client_id} at vault {shown_address(link.vault_uri)}"
        if unknown:
            words = f"unknown: {', '.join(unknown)}"
            remedy = "grant the operator permission to read roles and access policies"
            findings.append(not_seen(catalog.DRIFT, obj, "Azure", words, remedy))
        if lacking:
            before = dict.fromkeys(lacking, "lacking")
            change = Change("Azure", obj, "grant", before, dict.fromkeys(lacking, "effective"), reason="")
            findings += self._differs(catalog.RIGHTS, "Azure", obj, [change], f"missing: {', '.join(lacking)}")
        return None, findings

    # DSM ------------------------------------------------------------------------------------------------------------

    def _group(self, client_id: str | None, vault: _Vault) -> tuple[Link, list[Finding]]:
        """The declared link, applied to the existing one."""
        current = self.group
        wanted = self._wanted(client_id)
        linked = current is None or current.link is not None
        base = current if linked else None
        target = desired.target_of(base, wanted)
        link = self._with_vault(target.azure_link, vault)
        if current is None:
            return link, []
        if not linked:
            kind = f"it is linked to {current.external_kms}" if current.external_kms else "it has no link"
            actual = current.problem or kind
            return link, self._differs(catalog.GROUP, "DSM", self.label, (), actual)
        changes = link_edit.plan(LinkEdit(current, replace(target, link=link), credential=None)).changes
        return link, self._differs(catalog.GROUP, "DSM", self.label, map(_without_credential, changes))

    def _missing(self) -> Finding:
        actual = "it does not exist, or the DSM identity cannot see it"
        (found,) = self._differs(catalog.GROUP, "DSM", self.label, (), actual)
        return replace(found, kind=catalog.DECLARED_GROUP_MISSING)

    def _wanted(self, client_id: str | None) -> desired.DesiredGroup:
        """As the role passes it to the module cdc_group, except credential and vault."""
        defaults = desired.OPTIONS.defaults()
        own = {name: self.declared[name] for name in self.declared.keys() & defaults.keys()}
        own |= {"vault": None, "link_certificate": None, "link_client_id": client_id}
        tls = dict(self.declared["tls"] or {})
        # An empty value removes the certificate.
        client = tls.pop("client_certificate") if tls.get("client_certificate") else None
        wanted = desired.wanted_from({**defaults, **own, "tls": tls or None})
        if client is None:
            return wanted
        options = replace(wanted.link.tls, expected=_certificate("tls.client_certificate", client))
        return replace(wanted, link=replace(wanted.link, tls=options))

    def _with_vault(self, link: Link, vault: _Vault) -> Link:
        """The link with the declared vault, which is found in the same way as in the role."""
        made, selected, store = self.declared["azure_vault"], self.declared["vault"], vault.store
        if made is not None:
            kind = MANAGED_HSM if made["type"] == MANAGED_HSM else VAULT
            uri = store.uri if store else VaultAddress("", "", kind, made["name"]).uri(_cloud_of(self.declared))
            stored_type = vault_lookup.record(store)["type"] if store else made["type"] or link.vault_type
            return replace(link, vault_uri=normal_uri(uri), vault_type=stored_type)
        if selected is None:
            return link
        selector = VaultSelector.from_option(selected)
        if selector.is_stored_in(link):
            return link
        if store is not None:
            return replace(link, vault_uri=normal_uri(store.uri), vault_type=vault_lookup.record(store)["type"])
        likely = selector.likely_uri(link)
        if likely is None:
            raise TaskError(
                "the declared vault cannot be identified without reading Azure",
                plane="Azure",
                obj=f"vault ({selector})",
                next_step="set look_in_azure: true and assign the operator Reader at the vault, or declare its name or "
                "URI",
            )
        return replace(link, vault_uri=likely, vault_type=selector.type or link.vault_type)

    def _credential(self) -> tuple[None, list[Finding]]:
        """The declared certificate compared with the record of the last write; DSM does not return what it holds."""
        recorded = self.group.custom_metadata.get(CREDENTIAL_FACT) if self.group is not None else None
        given = self.declared["link_certificate"]
        if recorded is None or self.declared["update_credential"] != "on_change":
            if given is not None and self.group is not None:
                no_record = "DSM has no record of the credential that was written"
                why_not = no_record if recorded is None else "update_credential is not on_change"
                self.left_out["link_certificate"] = why_not
            return None, []
        certificate = self._pair() if given is None else _certificate("link_certificate", given)
        fact = certificate_fact(certificate.sha256) if certificate is not None else recorded
        if recorded == fact:
            return None, []
        views = {_WRITTEN: recorded}, {_WRITTEN: fact}
        change = Change("DSM", self.label, "update", *views, reason="")
        return None, self._differs(catalog.GROUP, "DSM", f"credential of the link of {self.label}", [change])


def _without_credential(change: Change) -> Change:
    """The change without the note that a change of the link writes the credential again."""
    before, after = (
        {name: value for name, value in view.items() if name != _WRITTEN} for view in (change.before, change.after)
    )
    return replace(change, before=before, after=after)


def _shown(view: Mapping[str, Any]) -> dict[str, Any]:
    """The view for a report: an address stored in DSM is untrusted text."""
    return {name: shown_address(value) if value and name == "link.vault.uri" else value for name, value in view.items()}


def _certificate(option: str, source: str) -> Certificate:
    named = f"{option} ({source})" if loading.is_path(source) else option
    return loading.load_certificate(named, source)
