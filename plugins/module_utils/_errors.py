# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Failures that a user can act on: the plane, the object, the server's error text, the next step."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ._journal import DONE, UNKNOWN, Journal, Write

# Control characters, what ends a line, what is invisible, and what changes the direction of the text: a name with one
# can control a terminal, or look like another one. Joiners (U+200C, U+200D) stay: scripts and emoji need them.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]+"
)
_LONGEST_QUOTE = 500
# An option's value within a sentence, and the parts of a message as a whole.
_LONGEST_VALUE, _LONGEST_PART = 200, 5000
# How many different writes a message lists. The result has all of them.
_MOST_TOLD = 5
# Servers and proxies may repeat what they were sent. Anything that looks like a credential is removed.
_SECRET_NAMES = "client_secret|client_assertion|client_key|secret_key|password|access_token|refresh_token|id_token"
# A JSON Web Token, or a part of one: its header begins with a brace and a quotation mark, in base64.
TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w.-]*")
# A client secret of Entra, in the form by which scanners for secrets recognize it.
CLIENT_SECRET = re.compile(r"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])")
# User and password in a URL.
USER_INFO = re.compile(r"(?<=://)[^/\s?#]+@")
_CREDENTIALS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"), "(key)"),
    (TOKEN, "(token)"),
    (CLIENT_SECRET, "(secret)"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w+/=.~-]{20,}", re.IGNORECASE), r"\1 (credential)"),
    # Of a form, and of JSON.
    (re.compile(rf"\b({_SECRET_NAMES})=[^\s\"'&,;<>]+", re.IGNORECASE), r"\1=(secret)"),
    (re.compile(rf"\b({_SECRET_NAMES})(\\*[\"']\s*:\s*\\*[\"'])[^\"'\\]+", re.IGNORECASE), r"\1\2(secret)"),
    (USER_INFO, ""),
)


def printable(text: str) -> str:
    """One line without control characters: names and texts from a server must not control a terminal."""
    return _UNPRINTABLE.sub(" ", text).strip()


def quotable(text: str) -> str:
    """A server's text as a printable line of at most 500 characters, without anything that looks like a credential."""
    line = printable(text)
    for pattern, instead in _CREDENTIALS:
        line = pattern.sub(instead, line)
    return shortened(line)


def shortened(text: str, most: int = _LONGEST_QUOTE) -> str:
    """The text, cut to this number of characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def quoted(value: object) -> str:
    """The value of an option for a message: printable, cut, and a text in quotation marks."""
    shown = shortened(printable(str(value)), _LONGEST_VALUE)
    return repr(shown) if isinstance(value, str) else shown


class TaskError(Exception):
    """A failure of the task. ``str()`` is the complete message for the user.

    ``unchanged``: raised before any write. The message says so, unless the task has written something else by then.
    ``wrote``: the writes that the task has sent, including those with an unknown outcome. ``tells_unknown``: whether
    the problem itself states that the outcome of the last write is unknown.
    """

    tells_unknown = False

    def __init__(
        self,
        problem: str,
        *,
        plane: str,
        obj: str = "",
        server_words: str = "",
        next_step: str = "",
        unchanged: bool = False,
        **details: Any,
    ) -> None:
        self.problem = shortened(printable(problem), _LONGEST_PART)
        self.plane = plane
        self.obj = shortened(printable(obj))
        self.server_words = quotable(server_words)
        self.next_step = shortened(printable(next_step), _LONGEST_PART)
        self.unchanged = unchanged
        self.details = details
        self.wrote: tuple[Write, ...] = ()
        # Results that a task returns although it fails, beside `failure`.
        self.returned: dict[str, Any] = {}
        super().__init__(self._message())

    def reworded(self, problem: str, *, next_step: str | None = None, **details: Any) -> TaskError:
        """The same failure with another problem, and with more details; ``next_step``: None for the same."""
        failure = TaskError(
            problem,
            plane=self.plane,
            obj=self.obj,
            server_words=self.server_words,
            next_step=self.next_step if next_step is None else next_step,
            **{**self.details, **details},
        )
        failure.tells_unknown = self.tells_unknown
        return failure

    def after(self, journal: Journal) -> None:
        """Add the task's writes to the message and the result."""
        self.wrote = tuple(journal.writes)
        self.args = (self._message(),)

    @property
    def reason(self) -> str:
        """Problem and error text, for a finding or a note that names plane and object itself."""
        return f"{self.problem}: {self.server_words}" if self.server_words else self.problem

    @property
    def cause(self) -> str:
        """The message without the next step, for a failure that has several causes and names the steps together."""
        where = f"{self.plane}, {self.obj}: " if self.obj else f"{self.plane}: "
        words = f' The server returned: "{self.server_words}".' if self.server_words else ""
        return where + sentence(self.problem) + words

    def _message(self) -> str:
        # The failure of a step may be a part of the problem, with the same writes.
        parts = [self.cause, *(one for one in self._told() if one not in self.cause)]
        if self.unchanged and not self.wrote:
            parts.append("Nothing was changed.")
        if self.next_step:
            parts.append("Next: " + sentence(self.next_step))
        return " ".join(parts)

    def _told(self) -> list[str]:
        """The writes so far, without those that the problem itself states."""
        skipped = {DONE} if self.details.get("done") else set()
        skipped |= {UNKNOWN} if self.tells_unknown else set()
        return told([one for one in self.wrote if one.outcome not in skipped])

    def to_fail_json(self) -> dict[str, Any]:
        """The keyword arguments of ``fail_json``."""
        failure = {
            "plane": self.plane,
            "object": self.obj or None,
            "problem": self.problem,
            "server_words": self.server_words or None,
            "next_step": self.next_step or None,
        }
        return {**self.returned, "msg": str(self), **written(self.wrote, {**failure, **self.details})}


class InvalidInput(TaskError):
    """An option that is rejected before any request: names the option, the problem, the remedy."""

    def __init__(self, option: str, problem: str, remedy: str) -> None:
        super().__init__(problem, plane="Option", obj=option, next_step=remedy, option=option)

    def _message(self) -> str:
        next_step = f"Next: {sentence(self.next_step)}"
        return " ".join([f"Option {self.obj}: {sentence(self.problem)}", *self._told(), next_step])


def defect(error: Exception, *, plane: str = "fortanix.dsm", obj: str = "") -> TaskError:
    """A defect of the collection. The exception is kept as the cause, not quoted: its text may contain a secret."""
    failure = TaskError(
        f"unexpected error in the collection ({type(error).__name__})",
        plane=plane,
        obj=obj,
        next_step="run the task with -vvv, and report the traceback and the versions of the collection and of DSM",
    )
    failure.__cause__ = error
    return failure


def told(writes: Sequence[Write]) -> list[str]:
    """The writes of a task, and those with an unknown outcome, as sentences."""
    done = [one for one in writes if one.outcome == DONE]
    unknown = [one for one in writes if one.outcome != DONE]
    return [
        *([f"Already done: {_listed(done)}."] if done else []),
        *([f"It is unknown whether this was carried out: {_listed(unknown)}."] if unknown else []),
    ]


def written(writes: Sequence[Write], failure: dict[str, Any]) -> dict[str, Any]:
    """The part of a failed task's result that reports its writes: ``changed``, and ``done`` in ``failure``."""
    done = [one.record() for one in writes if one.outcome == DONE]
    unknown = [one.record() for one in writes if one.outcome != DONE]
    return {
        # A write with an unknown outcome counts as a change: handlers must run.
        "changed": bool(writes or failure.get("done")),
        "failure": {**failure, "done": failure.get("done") or done, "unknown": unknown},
    }


def _listed(writes: Sequence[Write]) -> str:
    counts = Counter(printable(f"{one.plane}, {one.obj} ({one.action})") for one in writes)
    shown = [text if count == 1 else f"{text}, {count} times" for text, count in counts.items()]
    more = len(shown) - _MOST_TOLD
    return "; ".join(shown[:_MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")


def sentence(text: str) -> str:
    """The text with a full stop, unless it ends like a sentence."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."
