# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user is owed by every run, whatever happened: held against what the task returned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

PLANES = ("DSM", "Entra", "Azure", "Key Vault", "Controller")
LONGEST_MESSAGE = 4000


def of_form(shown: Mapping[str, Any]) -> Iterator[str]:
    """One clear error, or a success."""
    text = str(shown)
    if "Traceback" in text:
        yield "a traceback is shown"
    if not shown.get("failed"):
        if "failure" in shown or shown.get("msg"):
            yield f"neither success nor failure: {shown.get('msg')}"
        return
    message, failure = str(shown.get("msg") or ""), shown.get("failure") or {}
    if "unexpected error" in message:
        yield f"a defect is reported: {message}"
    if message.count("Next: ") != 1:
        yield f"{message.count('Next: ')} next steps: {message}"
    if len(message) > LONGEST_MESSAGE:
        yield f"a message of {len(message)} characters: {message[:200]}"
    groups = [one for one in shown.get("groups") or [] if "failed" in one]
    if not groups or failure.get("object"):
        yield from _of_failure(message, failure)
        return
    # It sums up the failures of several groups: each counts.
    failed = [one for one in groups if one["failed"]]
    if not failed:
        yield f"no group has failed: {message}"
    for one in failed:
        if f'"{one["name"]}"' not in message:
            yield f"the message does not name the group {one['name']}: {message}"
        yield from _of_failure(one["msg"], one["failure"])


# Faults that say nothing about credentials, permissions or objects: who blames one of them misleads.
_SAY_NOTHING = (
    "reset",
    "time-out",
    "429",
    "500",
    "502",
    "503",
    "truncated",
    "text",
    "empty",
    "null",
    "list for object",
    "drip",
)
_BLAME = re.compile(
    r"credentials were rejected|secret is wrong|tenant does not exist|check tenant|check dsm_api_key|does not accept"
    r"|no permission|grant the|assign the|does not exist|correct the value",
)
_QUOTED = re.compile(r'The server returned: ".*?"\.(?= |$)')


def of_cause(shown: Mapping[str, Any], fault: str) -> Iterator[str]:
    """An outage is not taken for a refusal."""
    message = _QUOTED.sub("", str(shown.get("msg") or ""))
    blamed = _BLAME.search(message)
    if shown.get("failed") and fault.startswith(_SAY_NOTHING) and blamed is not None:
        yield f"blames something else ({blamed[0]}): {shown['msg']}"


def _of_failure(message: str, failure: Mapping[str, Any]) -> Iterator[str]:
    for part in ("plane", "object", "next_step", "problem"):
        if not failure.get(part):
            yield f"no {part}: {message}"
    if failure.get("plane") not in PLANES:
        yield f"the plane is {failure.get('plane')}: {message}"
    for part in ("plane", "object"):
        if str(failure.get(part) or "") not in message:
            yield f"the message does not name the {part} {failure.get(part)}: {message}"
