# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What results and failures say, held against what is so. Each function yields what is not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from support.worlds import Outcome

from .facts import Picture

if TYPE_CHECKING:
    from .scenes import Scene


APP = "fortanix-dsm-cdc"


def of_key(scene: Scene, before: Picture, after: Picture, outcome: Outcome) -> Iterator[str]:
    """No run creates a second version, and a result names the key that is there."""
    del scene
    was, found = (Counter(fact[2] for fact in one.all("version")) for one in (before, after))
    yield from (f"{name} has {number} more versions" for name, number in (found - was).items() if number > 1)
    if outcome.result is None:
        return
    key = outcome.result["key"]
    if key["name"] not in found and not outcome.result["pending"]:
        yield f"the result has {key['name']}, and the vault does not"
    if key["state"] not in ("live", "disabled", "planned"):
        yield f"says ok, and {key['name']} is {key['state']}"


def of_ending(
    scene: Scene, before: Picture, after: Picture, outcome: Outcome, *, name: str, state: str
) -> Iterator[str]:
    """A result that is final has ended the key, and no run has created a version of it."""
    del scene
    was, found = (sum(fact[2] == name for fact in one.all("version")) for one in (before, after))
    if found > was:
        yield f"{name} has {found - was} more versions"
    if outcome.result is None or outcome.result["pending"]:
        return
    shown = outcome.result["key"]
    ended = {"deleted": ("soft_deleted", "purged", "destroyed"), "purged": ("purged", "destroyed")}.get(state, ())
    if shown is not None and shown["state"] not in ended:
        yield f"says ok, and {shown['name']} is {shown['state']}"


def of_credential(scene: Scene, before: Picture, after: Picture, outcome: Outcome) -> Iterator[str]:
    del scene
    held, there = after.held, after.key_ids
    if outcome.result is not None:
        result = outcome.result
        for one in result["removed"]:
            if one["key_id"] in there:
                yield f"removed says {one['key_id']}, and it is there"
        if result["credential"]["key_id"] not in there:
            yield f"the result's credential {result['credential']['key_id']} is not at the application"
        for one in result["groups"]:
            if one["pending"] or one["name"] not in after.held:
                continue
            if one["credential"] is not None and held[one["name"]] != one["credential"]:
                yield f"{one['name']} is said to have {one['credential']}, and has {held[one['name']] or 'a dead one'}"
            if one["connection"] == "connected" and not after.health[one["name"]].works:
                yield f"{one['name']} is said to be connected, and is not"
        return
    if outcome.failure is None:
        return
    failure = outcome.failure
    text, new = str(failure), failure.details.get("new_credential")
    for one in failure.details.get("removed") or []:
        if one["key_id"] in there:
            yield f"removed says {one['key_id']}, and it is there"
    if new is not None and "no group has the new credential" in text:
        holders = [group for group, key_id in held.items() if key_id == new["key_id"]]
        if holders:
            yield f"says that no group has the new credential, and {holders} have it"
    for name, status in (failure.details.get("connections") or {}).items():
        now = after.health.get(name)
        if now is not None and (status == "connected") != now.works and status != "unknown":
            yield f"says that {name} is {status}, and it is not so"
    if new is not None and "and it was removed" in text and new["key_id"] in there:
        yield f"says that the new credential was removed, and {new['key_id']} is there"
    if "the old one is still valid, too" in text:
        gone = sorted({held_before for held_before in before.held.values() if held_before} - there)
        if gone:
            yield f"says that the old one is valid, and {gone} is gone"


def of_application(scene: Scene, before: Picture, after: Picture, outcome: Outcome) -> Iterator[str]:
    del scene, before
    if outcome.result is None or outcome.result["application"] is None:
        return
    app = outcome.result["application"]
    gone = [one["key_id"] for one in app.get("credentials") or [] if one["key_id"] not in after.key_ids]
    if gone:
        yield f"the result lists credentials that are not there: {gone}"


def of_vault(scene: Scene, before: Picture, after: Picture, outcome: Outcome) -> Iterator[str]:
    del scene, before
    if outcome.result is None:
        return
    vault = outcome.result["vault"]
    exists = ("vault", vault["name"]) in after.facts
    if bool(vault.get("exists", True)) != exists:
        yield f"vault {vault['name']}: exists is said to be {vault.get('exists')}, and is {exists}"


def of_prerequisites(scene: Scene, before: Picture, after: Picture, outcome: Outcome) -> Iterator[str]:
    del scene, before, after
    if outcome.result is None:
        return
    result = outcome.result
    if result["effect"] == "effective":
        bad = [one["requirement"] for one in result["rights"] if one["verdict"] in ("missing", "ineffective")]
        if bad:
            yield f"effect is effective, and its own rights say that these are not there: {bad}"


def of_access(scene: Scene, before: Picture, after: Picture, outcome: Outcome, *, revoked: bool) -> Iterator[str]:
    del before
    if outcome.result is None or not outcome.result["complete"]:
        return
    result, rights = outcome.result, scene.rights_of(after)
    if revoked:
        if rights or result["application"]["account_enabled"] is not False:
            yield f"complete is true, and it holds {sorted(rights)[:3]}"
        if result["still_valid_until"] is not None and result["still_valid_until"] < scene.stamp(outcome):
            yield f"still_valid_until {result['still_valid_until']} is over already"
        return
    lacking = scene.notes["held"] - rights
    if lacking:
        yield f"complete is true, and these have not come back: {sorted(lacking)[:3]}"
    gone = scene.notes["certificates"] - {fact[2] for fact in after.all("certificate", APP)}
    if gone:
        yield f"complete is true, and these certificates have not come back: {sorted(gone)}"


def of_group(scene: Scene, before: Picture, after: Picture, outcome: Outcome) -> Iterator[str]:
    del scene, before
    if outcome.result is None:
        return
    group = outcome.result["group"]
    exists = ("group", group["name"]) in after.facts
    if not outcome.result.get("pending") and bool(group.get("exists")) != exists:
        yield f"group {group['name']}: exists is said to be {group.get('exists')}, and is {exists}"


def shown(outcome: Outcome) -> str:
    """Everything that a user would see of it."""
    failure = outcome.failure.to_fail_json() if outcome.failure is not None else None
    return json.dumps([outcome.result, failure, outcome.warnings], default=str)
