# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Failures that a user can act on: the plane, the object, the server's own words, the next step."""

from __future__ import annotations

import re
from typing import Any

# Control characters, what ends a line, what is invisible, and what changes the direction of the text: a name with one
# can steer a terminal, or look like another one. Joiners (U+200C, U+200D) stay: scripts and emoji need them.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]+"
)
_LONGEST_QUOTE = 500
# Servers, and what stands before them, may repeat what they were sent. What has the form of a credential is left out.
_SECRET_NAMES = "client_secret|client_assertion|client_key|secret_key|password|access_token|refresh_token|id_token"
_CREDENTIALS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"), "(key)"),
    # A JSON Web Token: its header begins with a brace and a quotation mark, in base64.
    (re.compile(r"\beyJ[\w-]{8,}\.[\w.-]*"), "(token)"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w+/=.~-]{20,}", re.IGNORECASE), r"\1 (credential)"),
    # Of a form, and of JSON.
    (re.compile(rf"\b({_SECRET_NAMES})=[^\s\"'&,;<>]+", re.IGNORECASE), r"\1=(secret)"),
    (re.compile(rf"\b({_SECRET_NAMES})(\\*[\"']\s*:\s*\\*[\"'])[^\"'\\]+", re.IGNORECASE), r"\1\2(secret)"),
    (re.compile(r"(?<=://)[^/\s?#]+@"), ""),
)


def printable(text: str) -> str:
    """One line without control characters: names and words from a server must not steer a terminal."""
    return _UNPRINTABLE.sub(" ", text).strip()


def quotable(text: str) -> str:
    """The words of a server as a printable line of at most 500 characters, without what looks like a credential."""
    line = printable(text)
    for pattern, instead in _CREDENTIALS:
        line = pattern.sub(instead, line)
    return line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + "…"


class TaskError(Exception):
    """A failure of the task. ``str()`` is the complete message for the user."""

    def __init__(
        self, problem: str, *, plane: str, obj: str = "", server_words: str = "", next_step: str = "", **details: Any
    ) -> None:
        self.problem = printable(problem)
        self.plane = plane
        self.obj = printable(obj)
        self.server_words = quotable(server_words)
        self.next_step = printable(next_step)
        self.details = details
        super().__init__(self._message())

    def _message(self) -> str:
        where = f"{self.plane}, {self.obj}: " if self.obj else f"{self.plane}: "
        parts = [where + _sentence(self.problem)]
        if self.server_words:
            parts.append(f'The server said: "{self.server_words}".')
        if self.next_step:
            parts.append("Next: " + _sentence(self.next_step))
        return " ".join(parts)

    def to_fail_json(self) -> dict[str, Any]:
        """The keyword arguments of ``fail_json``."""
        failure = {
            "plane": self.plane,
            "object": self.obj or None,
            "problem": self.problem,
            "server_words": self.server_words or None,
            "next_step": self.next_step or None,
        }
        return {"msg": str(self), "failure": {**failure, **self.details}}


class InvalidInput(TaskError):
    """An option that is refused before any request: names the option, the problem, the remedy."""

    def __init__(self, option: str, problem: str, remedy: str) -> None:
        super().__init__(problem, plane="Option", obj=option, next_step=remedy, option=option)

    def _message(self) -> str:
        return f"Option {self.obj}: {_sentence(self.problem)} Next: {_sentence(self.next_step)}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."
