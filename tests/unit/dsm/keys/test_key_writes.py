# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests for keys: what they contain, and that key material is in none of them."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.account.approval_requests import GuardedOperation
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.account.guarded_keys import GuardedKey
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys import key_endings, key_writes
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_records import DsmKey
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_writes import Attributes
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.rotation_policies import RotationPolicy
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire import routes
from unit.builders import ROOT

NEW: dict[str, Any] = {
    "name": "payments of prod",
    "azure_name": "payments",
    "group_id": "g",
    "label": 'key "payments"',
    "origin": "copy",
}
AT = datetime(2027, 6, 1, 8, 30, tzinfo=timezone.utc)
# Routes of DSM that return or take key material, or a part of it (OpenAPI).
OF_MATERIAL = re.compile(
    r"keys/(?:export|components|persist|batch|kcv|digest)|/(?:un)?wrapkey|/derive|keys/\{\w+\}/private"
)


def test_a_copy_names_source_and_both_names_and_nothing_that_is_not_set() -> None:
    operation = key_writes.copy_of(key_writes.NewKey(**NEW), "s1")
    assert (operation.method, operation.route, operation.name) == ("POST", routes.KEYS_COPY, "payments of prod")
    assert operation.body == {
        "key": {"kid": "s1"},
        "name": "payments of prod",
        "group_id": "g",
        "custom_metadata": {"azure-key-name": "payments", "fortanix-dsm-ansible-key-origin": "copy"},
    }


def test_all_attributes_are_sent_with_a_new_key_because_a_version_has_its_own() -> None:
    attributes = Attributes(
        operations=("SIGN",),
        enabled=False,
        not_before=AT,
        expires=AT.replace(year=2028),
        description="",
        metadata={"team": "payments"},
        rotation_policy=RotationPolicy(interval_days=90, effective_at=AT),
    )
    new = key_writes.NewKey(**NEW, hardware=True, attributes=attributes)
    body = key_writes.generation(new, "EC", None, "NistP256").body
    assert body is not None
    assert (body["obj_type"], body["elliptic_curve"], "key_size" in body) == ("EC", "NistP256", False)
    assert body["custom_metadata"].items() >= {"azure-key-type": "hardware", "team": "payments"}.items()
    assert body["custom_metadata"]["azure-key-name"] == "payments"
    assert body["rotation_policy"] == {"interval_days": 90, "effective_at": "20270601T083000Z"}
    assert (body["key_ops"], body["enabled"]) == (["SIGN"], False)
    assert (body["activation_date"], body["deactivation_date"]) == ("20270601T083000Z", "20280601T083000Z")


def test_a_change_sends_only_what_changes() -> None:
    current = DsmKey.from_stored({"kid": "k1"})
    operation = key_writes.update(current, 'key "payments"', Attributes(enabled=False))
    assert (operation.method, operation.operation, operation.body) == (
        "PATCH",
        "/crypto/v1/keys/k1",
        {"enabled": False},
    )


def test_the_metadata_is_sent_whole_with_the_entries_that_are_not_the_users() -> None:
    stored = {"azure-key-name": "payments", "fortanix-dsm-ansible-key-origin": "copy", "team": "old", "note": "old"}
    current = DsmKey.from_stored({"kid": "k1", "custom_metadata": stored})
    body = key_writes.update(current, 'key "payments"', Attributes(metadata={"team": "new"})).body
    kept = {"azure-key-name": "payments", "fortanix-dsm-ansible-key-origin": "copy"}
    assert body == {"custom_metadata": {**kept, "team": "new"}}


def test_a_new_interval_keeps_what_it_does_not_set_of_the_rotation_policy() -> None:
    stored = {"interval_days": 90, "deactivate_rotated_key": True, "rotate_copied_keys": "all_external"}
    current = DsmKey.from_stored({"kid": "k1", "rotation_policy": stored})
    body = key_writes.update(current, "key", Attributes(rotation_policy=RotationPolicy(interval_months=2))).body
    kept = {"deactivate_rotated_key": True, "rotate_copied_keys": "all_external"}
    assert body == {"rotation_policy": {"interval_months": 2, **kept}}


def test_an_expiry_that_depends_on_the_time_of_the_run_makes_no_other_request_of_it() -> None:
    def copy(expires: datetime, days: int | None) -> GuardedOperation:
        new = key_writes.NewKey(**NEW, attributes=Attributes(expires=expires), valid_days=days)
        return key_writes.copy_of(new, "s1")

    later = AT.replace(day=2)
    assert copy(AT, 90).mark() == copy(later, 90).mark()
    assert copy(AT, 90).mark() != copy(AT, 91).mark()
    assert copy(AT, None).mark() != copy(later, None).mark()
    body = copy(later, 90).body
    assert body is not None
    assert body["deactivation_date"] == "20270602T083000Z"


def test_an_operation_on_a_record_names_the_complete_key_and_what_it_replaces() -> None:
    stored = {"kid": "k2", "name": "payments of prod", "group_id": "g", "enabled": True}
    current = DsmKey.from_stored({**stored, "custom_metadata": {"azure-key-name": "payments"}})
    older = DsmKey.from_stored({"kid": "k1"})

    change = key_writes.update(
        current, 'key "payments"', Attributes(enabled=False, expires=AT), records=[older, current]
    )
    ending = key_writes.on_record("DELETE", routes.KEY, current, [older], 'key "payments"', "deletion of the record")

    for one in (change, ending):
        assert (one.vault_key, one.kids, one.name) == (("g", "payments"), frozenset({"k1", "k2"}), "payments of prod")
        assert one.operation == "/crypto/v1/keys/k2"
    assert change.before == {"enabled": True, "deactivation_date": None}
    assert (ending.body, ending.before_mark()) == (None, None)


def test_a_deletion_is_about_the_complete_key_and_the_removal_of_a_record_about_that_one() -> None:
    key = GuardedKey(("g", "payments"), frozenset({"k1", "k2"}), "payments of prod")
    deletion = key_endings.operation("delete", "k1", "key", key)
    assert (deletion.vault_key, deletion.kids, deletion.name) == (key.place, key.kids, key.name)
    removal = key_endings.operation("remove", "k1", "key", key)
    assert (removal.vault_key, removal.kids, removal.name) == (None, frozenset({"k1"}), None)


# Material -------------------------------------------------------------------------------------------------------------


def test_the_client_has_no_route_that_transfers_key_material() -> None:
    known = [value for name, value in vars(routes).items() if name.isupper() and isinstance(value, str)]
    assert routes.KEYS_COPY in known
    assert [route for route in known if OF_MATERIAL.search(route)] == []


def test_no_plugin_names_such_a_route_or_imports_a_value() -> None:
    """`PUT /crypto/v1/keys` takes material in the clear, and so does Azure's `PUT /keys/{name}` without `key_hsm`."""
    plugins: list[Path] = sorted((ROOT / "plugins").rglob("*.py"))
    assert plugins
    wrong = re.compile(rf"{OF_MATERIAL.pattern}|[\"']PUT[\"'],\s*routes\.KEY|\.import_key\(|\.release_key\(")
    assert [str(path) for path in plugins if wrong.search(path.read_text(encoding="utf-8"))] == []
