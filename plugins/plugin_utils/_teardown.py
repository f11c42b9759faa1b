# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What the teardown of one group is to do, and whether it may go on: what ``playbooks/teardown.yml`` asks. Pure.

The order. First it is checked, without a write, whether anything forbids the whole: keys in the group, another group
that uses what is to be removed. Then what stops access: credential and rights, of which each is tried whatever became
of the other. What cannot be undone comes last, and not at all after a failure: group, application, vault.
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
# Each step that revokes access, and each that cannot be undone, with the words for it.
_REVOKING = {"credential": "credential of the application", "rights": "rights at the vault"}
_AGAIN = "run the teardown again when the cause is mended, which goes on from here"
_FINAL = {"group": "group", "application": "application", "vault": "vault"}

Result = Mapping[str, Any]


# What is asked --------------------------------------------------------------------------------------------------------


def request(variables: Mapping[str, Any], named: Iterable[str]) -> dict[str, Any]:
    """The teardown that the variables describe.

    Args:
        variables: The ``cdc_setup_`` and ``teardown_`` variables by name; None where one is not set.
        named: The names of all variables that begin with ``teardown_``.

    Returns:
        ``problems``: why nothing must be sent, each as a sentence. Otherwise what the tasks need: ``name``,
        ``application`` and ``vault`` as options of the modules (None where none is declared), ``azure_vault``,
        ``client_id``, and the choices ``remove_application``, ``remove_vault``, ``confirm_remove_policy`` and
        ``keep_rights``.
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
    return f"{name} is no variable of the teardown{meant(name, OPTIONS)}"


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
            # The tags of a vault that the set-up makes are settings of it, and do not name it.
            return {key: value for key, value in found.items() if key != "tags" or variable == "cdc_setup_vault"}
    return None


def _missing(variables: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    name, found = asked["name"], []
    if name is None:
        several = " cdc_setup_groups is set: a teardown takes one group." if variables.get("cdc_setup_groups") else ""
        found.append(
            "cdc_setup_name is not set. The teardown takes the variables of the set-up of one group: give their file "
            f"(-e @my-group.yml), or -i and cdc_setup_hosts for a host of an inventory.{several}"
        )
    if _text(variables.get("teardown_group")) != name or name is None:
        shown = f" ({name})" if name is not None else ""
        found.append(f"Set teardown_group to the name of the group to take down{shown}.")
    azure_vault = asked["azure_vault"]
    if asked["remove_vault"] and not isinstance(azure_vault, Mapping):
        found.append(
            "teardown_remove_vault and teardown_delete_vault_named are about the vault that cdc_setup_azure_vault "
            "describes, which is not set."
        )
    elif asked["remove_vault"] and isinstance(azure_vault, Mapping):
        lacking = [key for key in ("name", "resource_group") if _text(azure_vault.get(key)) is None]
        if lacking:
            found.append(f"cdc_setup_azure_vault has no {' and no '.join(lacking)}, so that no vault can be removed.")
        again = asked["delete_vault_named"]
        if again is not None and not same_name(again, azure_vault.get("name")):
            found.append(
                f'teardown_delete_vault_named is "{again}", and the vault is "{azure_vault.get("name")}": write its '
                "name once more if it is to be deleted with what is in it."
            )
    if asked["remove_application"] and asked["application"] is None:
        found.append("teardown_remove_application is about cdc_setup_application, which names none.")
    if asked["vault"] and asked["application"] is None and asked["client_id"] is None and not asked["keep_rights"]:
        found.append(
            "A vault is declared, and neither cdc_setup_application nor cdc_setup_link_client_id says whose rights "
            "there to take back. Set one of them, or teardown_keep_rights: true to leave the rights."
        )
    return found


# How it stands --------------------------------------------------------------------------------------------------------


@dataclass
class _Outcomes:
    """The results so far, by step. ``look_`` and a step: what check mode has said of it before the first write."""

    results: Mapping[str, Any]

    def result(self, step: str) -> Result | None:
        """None where the step has not been run."""
        found = self.results.get(step)
        return found if isinstance(found, Mapping) and found and not found.get("skipped") else None

    def ok(self, step: str) -> Result | None:
        """The result of a step that was run and did not fail. Every module that a teardown runs returns its plan."""
        found = self.result(step)
        return found if found is not None and "plan" in found and not found.get("failure") else None

    def failure(self, step: str) -> Mapping[str, Any]:
        found = self.result(step)
        told = found.get("failure") if found is not None and self.ok(step) is None else None
        return told if isinstance(told, Mapping) else {}

    def has_written(self, step: str) -> bool:
        """Whether the step failed after it had written something, or may have."""
        told = self.failure(step)
        return bool(told.get("done") or told.get("unknown"))

    def message(self, step: str) -> str | None:
        """Why the step failed; None where it did not, or was not run."""
        found = self.result(step)
        if found is None or self.ok(step) is not None:
            return None
        return str(found.get("msg") or "it failed without a message")

    def users(self, step: str) -> list[str]:
        """The groups in DSM that use what the step would remove."""
        return [str(one) for one in self.failure(step).get("groups") or []]


def state(asked: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """How the teardown stands with the results so far.

    Args:
        asked: Of :func:`request`.
        results: The registered results, by step: ``look_group``, ``look_application``, ``look_removal`` (of the
            application), ``look_vault``, ``credential``, ``rights``, ``group``, ``application``, ``vault``. What was
            not run is missing, empty or skipped.

    Returns:
        ``stops``: why nothing must be removed. ``waits``: whether the removal of the group needs an approval first.
        ``client_id`` and ``group``: for the next steps. ``credential``, ``rights``, ``application``, ``vault``: whether
        that step is to be run. ``holds``: whether what cannot be undone stays. ``notes`` and ``failures``: sentences
        for the user, ``failures`` with what has become of the rest.
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
    """What forbids the whole, before anything has been removed."""
    found = [message for message in [seen.message("look_group")] if message]
    if asked["remove_application"]:
        found += [message for step in ("look_application", "look_removal") if (message := seen.message(step))]
    reason, vault = seen.failure("look_vault"), seen.message("look_vault")
    # A vault that is used or full is a question to the user; a lock is an obstacle like others.
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
    """Step and message of what failed. Something that other groups use is not to be removed: no failure."""
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
    # What has failed after its removal was asked for may be gone.
    stays = [words for step, words in _FINAL.items() if seen.ok(step) is None and not seen.has_written(step)]
    left = f"What cannot be undone has been left as it is after that ({', '.join(stays)}). " if stays else ""
    return [*told, left + next_steps((message for _words, message in failures), _AGAIN)]


def _notes(asked: Mapping[str, Any], seen: _Outcomes, client_id: str | None) -> list[str]:
    notes = []
    users = seen.users("look_application") or seen.users("credential")
    if users:
        notes.append(f"The application and its credential stay, as other groups use it: {', '.join(users)}.")
    if seen.users("rights"):
        notes.append(f"The rights at the vault stay, as other groups use them: {', '.join(seen.users('rights'))}.")
    for step, words in _REVOKING.items():
        entries = (seen.ok(step) or {}).get("left") or []
        # That the application itself stays is a choice of the user.
        left = [one for one in entries if not isinstance(one, Mapping) or one.get("what") != "application"]
        if left:
            notes.append(f"Left of the {words}: {'; '.join(map(_entry, left))}.")
    if asked["application"] is None and asked["client_id"] is None:
        notes.append("No application is declared, so that no credential and no rights were looked at.")
    elif asked["application"] is not None and client_id is None and seen.ok("look_application"):
        notes.append("The application does not exist any more, so that it has no credential and no usable rights.")
    elif asked["application"] is None:
        notes.append("The application is not one of this set-up, so that its credential was not looked at.")
    if asked["keep_rights"]:
        notes.append("The rights at the vault stay, as teardown_keep_rights says.")
    return notes


def _entry(left: Any) -> str:
    if not isinstance(left, Mapping):
        return str(left)
    return ", ".join(f"{name} {value}" for name, value in left.items() if value not in (None, "", []))
