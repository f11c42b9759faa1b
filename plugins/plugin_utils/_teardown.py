# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The steps of the teardown of one group, and whether it may continue, for ``playbooks/teardown.yml``. Pure.

The order: First, read-only checks for anything that forbids the complete teardown, such as keys in the group or another
group that uses the same object. Then the steps that revoke access, credential and permissions; each is tried even if
the other fails. Irreversible steps come last, and are skipped after a failure: group, application, vault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils._declaration.applications import SELECTORS
from ..module_utils._declaration.check import meant
from ..module_utils._declaration.decisions import application_selector
from ..module_utils._names import same_name
from ..module_utils._texts.messages import next_steps, parted
from ..module_utils._texts.plain import bare

OPTIONS = (
    "teardown_group",
    "teardown_remove_application",
    "teardown_remove_vault",
    "teardown_delete_vault_named",
    "teardown_confirm_remove_policy",
    "teardown_keep_rights",
)
_VAULT_KEYS = ("name", "resource_id", "uri", "tags", "resource_group", "type")
# The steps that revoke access, and the irreversible steps, with their names in texts.
_REVOKING = {"credential": "credential of the application", "rights": "permissions at the vault"}
_AGAIN = "correct the cause and run the teardown again; it continues from here"
_FINAL = {"group": "group", "application": "application", "vault": "vault"}

Result = Mapping[str, Any]


# What is asked --------------------------------------------------------------------------------------------------------


def request(variables: Mapping[str, Any], named: Iterable[str]) -> dict[str, Any]:
    """The teardown as set by the variables.

    Args:
        variables: The ``cdc_setup_`` and ``teardown_`` variables by name; None if unset.
        named: The names of all variables that begin with ``teardown_``.

    Returns:
        ``problems``: why the teardown must not start, each as a sentence. Otherwise the input of the tasks: ``name``,
        ``application`` and ``vault`` as options of the modules (None if not declared), ``azure_vault``, ``client_id``,
        and the choices ``remove_application``, ``remove_vault``, ``confirm_remove_policy`` and ``keep_rights``.
    """
    variables = bare(variables)
    problems = [_unknown(one) for one in sorted(set(named) - set(OPTIONS))]
    choices = {}
    for option in OPTIONS[1:3] + OPTIONS[4:]:
        choices[option] = _chosen(option, variables.get(option), problems)
    name = _text(variables.get("cdc_setup_name"))
    asked = {
        "name": name,
        "application": _application(variables, problems),
        "vault": _vault(variables, problems),
        "azure_vault": variables.get("cdc_setup_azure_vault") or None,
        "client_id": _text(variables.get("cdc_setup_link_client_id")),
        "delete_vault_named": _text(variables.get("teardown_delete_vault_named")),
        "remove_application": choices["teardown_remove_application"],
        "remove_vault": choices["teardown_remove_vault"],
        "confirm_remove_policy": choices["teardown_confirm_remove_policy"],
        "keep_rights": choices["teardown_keep_rights"],
    }
    asked["remove_vault"] = asked["remove_vault"] or asked["delete_vault_named"] is not None
    problems.extend(_missing(variables, asked))
    return {**asked, "problems": problems}


def _text(value: Any) -> str | None:
    return None if value is None or str(value).strip() == "" else str(value).strip()


def _chosen(option: str, value: Any, problems: list[str]) -> bool:
    if _text(value) is None:
        return False
    try:
        return bool(boolean(value))
    except TypeError:
        problems.append(f'{option} is "{value}", which is neither true nor false.')
        return False


def _unknown(name: str) -> str:
    return f"{name} is not a variable of the teardown{meant(name, OPTIONS)}"


def _application(variables: Mapping[str, Any], problems: list[str]) -> dict[str, str] | None:
    given = variables.get("cdc_setup_application") or {}
    if not isinstance(given, Mapping):
        problems.append("cdc_setup_application is not a dictionary.")
        return None
    if not given:
        return None
    named = {f"app_{by}": str(value).strip() for by, value in application_selector(given).items()}
    if not named:
        problems.append(f"cdc_setup_application names no application; set one of {', '.join(SELECTORS)} in it.")
    return named or None


def _vault(variables: Mapping[str, Any], problems: list[str]) -> dict[str, Any] | None:
    for variable in ("cdc_setup_azure_vault", "cdc_setup_vault"):
        given = variables.get(variable) or {}
        if not isinstance(given, Mapping):
            problems.append(f"{variable} is not a dictionary.")
        elif given:
            found = {key: given[key] for key in _VAULT_KEYS if given.get(key) not in (None, "", {})}
            # Tags of a vault that the setup creates are settings of it, and do not identify it.
            return {key: value for key, value in found.items() if key != "tags" or variable == "cdc_setup_vault"}
    return None


def _missing(variables: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    name, found = asked["name"], []
    if name is None:
        is_list = bool(variables.get("cdc_setup_groups"))
        several = " cdc_setup_groups is set, but a teardown removes one group." if is_list else ""
        found.append(
            "cdc_setup_name is not set. The teardown uses the setup variables of one group: specify their file "
            f"(-e @my-group.yml), or -i and cdc_setup_hosts for a host of an inventory.{several}"
        )
    if _text(variables.get("teardown_group")) != name or name is None:
        shown = f" ({name})" if name is not None else ""
        found.append(f"Set teardown_group to the name of the group to tear down{shown}.")
    azure_vault = asked["azure_vault"]
    if asked["remove_vault"] and not isinstance(azure_vault, Mapping):
        found.append(
            "teardown_remove_vault and teardown_delete_vault_named apply to the vault in cdc_setup_azure_vault, "
            "which is not set."
        )
    elif asked["remove_vault"] and isinstance(azure_vault, Mapping):
        lacking = [key for key in ("name", "resource_group") if _text(azure_vault.get(key)) is None]
        if lacking:
            found.append(f"cdc_setup_azure_vault has no {' and no '.join(lacking)}, so no vault can be removed.")
        again = asked["delete_vault_named"]
        if again is not None and not same_name(again, azure_vault.get("name")):
            found.append(
                f'teardown_delete_vault_named is "{again}", but the vault is "{azure_vault.get("name")}": to delete '
                "the vault with its contents, set its exact name."
            )
    if asked["remove_application"] and asked["application"] is None:
        found.append("teardown_remove_application applies to cdc_setup_application, which names no application.")
    if asked["vault"] and asked["application"] is None and asked["client_id"] is None and not asked["keep_rights"]:
        found.append(
            "A vault is declared, but neither cdc_setup_application nor cdc_setup_link_client_id names the application "
            "whose permissions to revoke. Set one of them, or teardown_keep_rights: true to keep the permissions."
        )
    return found


# How it stands --------------------------------------------------------------------------------------------------------


@dataclass
class _Outcomes:
    """The results so far, by step. ``look_`` and a step: its result in check mode, before the first write."""

    results: Mapping[str, Any]

    def result(self, step: str) -> Result | None:
        """None if the step has not been run."""
        found = self.results.get(step)
        return found if isinstance(found, Mapping) and found and not found.get("skipped") else None

    def ok(self, step: str) -> Result | None:
        """The result of a step that ran without failure. Every module that a teardown runs returns its plan."""
        found = self.result(step)
        return found if found is not None and "plan" in found and not found.get("failure") else None

    def failure(self, step: str) -> Mapping[str, Any]:
        found = self.result(step)
        told = found.get("failure") if found is not None and self.ok(step) is None else None
        return told if isinstance(told, Mapping) else {}

    def has_written(self, step: str) -> bool:
        """Whether the step failed after it wrote something, or may have written something."""
        told = self.failure(step)
        return bool(told.get("done") or told.get("unknown"))

    def message(self, step: str) -> str | None:
        """Why the step failed; None if it did not fail or was not run."""
        found = self.result(step)
        if found is None or self.ok(step) is not None:
            return None
        return str(found.get("msg") or "it failed without a message")

    def users(self, step: str) -> list[str]:
        """The groups in DSM that use what the step would remove."""
        return [str(one) for one in self.failure(step).get("groups") or []]


def state(asked: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """The state of the teardown after the results so far.

    Args:
        asked: Of :func:`request`.
        results: The registered results, by step: ``look_group``, ``look_application``, ``look_removal`` (of the
            application), ``look_vault``, ``credential``, ``rights``, ``group``, ``application``, ``vault``. The result
            of a step that was not run is missing, empty or skipped.

    Returns:
        ``stops``: why nothing must be removed. ``waits``: whether the removal of the group needs an approval first.
        ``client_id`` and ``group``: for the next steps. ``credential``, ``rights``, ``application``, ``vault``: whether
        to run that step. ``holds``: whether irreversible steps are skipped. ``notes`` and ``failures``: sentences for
        the user; ``failures`` also states what was not done.
    """
    asked, seen = bare(asked), _Outcomes(bare(results))
    client_id = _client_id(asked, seen)
    failures = _failures(seen)
    group = seen.ok("group") or seen.ok("look_group")
    return {
        "stops": _stops(asked, seen),
        "waits": _waits(seen),
        "client_id": client_id,
        "group": None if group is None else group.get("group"),
        "credential": _has_credential(asked, seen),
        "rights": asked["vault"] is not None and client_id is not None and not asked["keep_rights"],
        "holds": bool(failures),
        "application": asked["remove_application"] and not failures,
        "vault": asked["remove_vault"] and not failures,
        "notes": _notes(asked, seen, client_id),
        "failures": _told(failures, seen),
    }


def _client_id(asked: Mapping[str, Any], seen: _Outcomes) -> str | None:
    application = asked["application"]
    if application is None:
        return _text(asked["client_id"])
    known = ((seen.ok("look_application") or {}).get("application") or {}).get("client_id")
    return _text(known or seen.failure("look_application").get("client_id") or application.get("app_client_id"))


def _has_credential(asked: Mapping[str, Any], seen: _Outcomes) -> bool:
    if asked["application"] is None or seen.users("look_application"):
        return False
    looked = seen.ok("look_application")
    return looked is None or looked.get("application") is not None


def _stops(asked: Mapping[str, Any], seen: _Outcomes) -> list[str]:
    """What forbids the complete teardown, before anything is removed."""
    found = [message for message in [seen.message("look_group")] if message]
    if asked["remove_application"]:
        found += [message for step in ("look_application", "look_removal") if (message := seen.message(step))]
    reason, vault = seen.failure("look_vault"), seen.message("look_vault")
    # A vault that is used or not empty needs a decision of the user; a lock is an obstacle like others.
    if vault and any(reason.get(fact) for fact in ("groups", "contents", "option")):
        found.append(vault)
    found = list(dict.fromkeys(found))
    if len(found) < 2:
        return found
    steps = next_steps(found)
    return [*(f"{parted(message)[0]}." for message in found), *([steps] if steps else [])]


def _waits(seen: _Outcomes) -> bool:
    for step in ("group", "look_group"):
        found = seen.ok(step)
        if found is not None:
            return bool(found.get("pending")) or (found.get("approval") or {}).get("status") in ("needed", "pending")
    return False


def _failures(seen: _Outcomes) -> list[tuple[str, str]]:
    """Step and message of each failure. It is not a failure if other groups use an object that was to be removed."""
    found = []
    looked = seen.message("look_application")
    if looked and not seen.users("look_application") and seen.result("credential") is None:
        found.append((_REVOKING["credential"], looked))
    found += [
        (words, message)
        for step, words in _REVOKING.items()
        if not seen.users(step) and (message := seen.message(step))
    ]
    for step, words in _FINAL.items():
        message = seen.message(step) or (seen.message(f"look_{step}") if step == "vault" else None)
        if message:
            found.append((words, message))
    return list(dict.fromkeys(found))


def _told(failures: list[tuple[str, str]], seen: _Outcomes) -> list[str]:
    if not failures:
        return []
    told = [f"{words[0].upper()}{words[1:]}: {parted(message)[0]}." for words, message in failures]
    # An object may be removed although its step failed after the request.
    stays = [words for step, words in _FINAL.items() if seen.ok(step) is None and not seen.has_written(step)]
    left = f"After this failure, irreversible steps were not run ({', '.join(stays)}). " if stays else ""
    return [*told, left + next_steps((message for _words, message in failures), _AGAIN)]


def _notes(asked: Mapping[str, Any], seen: _Outcomes, client_id: str | None) -> list[str]:
    notes = []
    users = seen.users("look_application") or seen.users("credential")
    if users:
        notes.append(f"The application and its credential are kept because other groups use it: {', '.join(users)}.")
    if seen.users("rights"):
        others = ", ".join(seen.users("rights"))
        notes.append(f"The permissions at the vault are kept because other groups use them: {others}.")
    for step, words in _REVOKING.items():
        entries = (seen.ok(step) or {}).get("left") or []
        # The application itself is kept by choice of the user.
        left = [one for one in entries if not isinstance(one, Mapping) or one.get("what") != "application"]
        if left:
            notes.append(f"Not removed ({words}): {'; '.join(map(_entry, left))}.")
    if asked["application"] is None and asked["client_id"] is None:
        notes.append("No application is declared, so no credential and no permissions were checked.")
    elif asked["application"] is not None and client_id is None and seen.ok("look_application"):
        notes.append("The application no longer exists, so it has no credential and no effective permissions.")
    elif asked["application"] is None:
        notes.append("The application is not part of this setup, so its credential was not checked.")
    if asked["keep_rights"]:
        notes.append("The permissions at the vault are kept because teardown_keep_rights is set.")
    return notes


def _entry(left: Any) -> str:
    if not isinstance(left, Mapping):
        return str(left)
    return ", ".join(f"{name} {value}" for name, value in left.items() if value not in (None, "", []))
