# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Failures that a user can act on: the plane, the object, the server's own words, the next step."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ._journal import DONE, UNKNOWN, Journal, Write

# Control characters, what ends a line, what is invisible, and what changes the direction of the text: a name with one
# can steer a terminal, or look like another one. Joiners (U+200C, U+200D) stay: scripts and emoji need them.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]+"
)
_LONGEST_QUOTE = 500
# How many different writes a message lists. The result has all of them.
_MOST_TOLD = 5
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
    """A failure of the task. ``str()`` is the complete message for the user.

    ``unchanged``: it comes before a write, and says so, unless the task has written something else by then.
    ``wrote``: what the task had written before, and what it may have written. ``tells_unknown``: whether the problem
    says itself that the outcome of the last write is unknown.
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
        self.problem = printable(problem)
        self.plane = plane
        self.obj = printable(obj)
        self.server_words = quotable(server_words)
        self.next_step = printable(next_step)
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
        """Have the message and the result say what the task has written."""
        self.wrote = tuple(journal.writes)
        self.args = (self._message(),)

    @property
    def cause(self) -> str:
        """The message without the next step, for a failure that has several causes and names the steps together."""
        where = f"{self.plane}, {self.obj}: " if self.obj else f"{self.plane}: "
        words = f' The server said: "{self.server_words}".' if self.server_words else ""
        return where + _sentence(self.problem) + words

    def _message(self) -> str:
        parts = [self.cause, *self._told()]
        if self.unchanged and not self.wrote:
            parts.append("Nothing was changed.")
        if self.next_step:
            parts.append("Next: " + _sentence(self.next_step))
        return " ".join(parts)

    def _told(self) -> list[str]:
        """What was written before. What an error tells itself of it is not told twice."""
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
    """An option that is refused before any request: names the option, the problem, the remedy."""

    def __init__(self, option: str, problem: str, remedy: str) -> None:
        super().__init__(problem, plane="Option", obj=option, next_step=remedy, option=option)

    def _message(self) -> str:
        next_step = f"Next: {_sentence(self.next_step)}"
        return " ".join([f"Option {self.obj}: {_sentence(self.problem)}", *self._told(), next_step])


def defect(error: Exception, *, plane: str = "fortanix.dsm", obj: str = "") -> TaskError:
    """A defect of the collection. The exception is its cause, and not quoted: its text may hold anything."""
    failure = TaskError(
        f"an error that the collection did not expect ({type(error).__name__})",
        plane=plane,
        obj=obj,
        next_step="run the task with -vvv for the traceback, and report it together with the versions of the "
        "collection and of DSM",
    )
    failure.__cause__ = error
    return failure


def told(writes: Sequence[Write]) -> list[str]:
    """What a task has written, and what it may have written, as sentences."""
    done = [one for one in writes if one.outcome == DONE]
    unknown = [one for one in writes if one.outcome != DONE]
    return [
        *([f"Done before: {_listed(done)}."] if done else []),
        *([f"It is unknown whether this was carried out: {_listed(unknown)}."] if unknown else []),
    ]


def written(writes: Sequence[Write], failure: dict[str, Any]) -> dict[str, Any]:
    """The part of a failed task's result that tells of its writes: ``changed``, and ``done`` in ``failure``."""
    done = [one.record() for one in writes if one.outcome == DONE]
    unknown = [one.record() for one in writes if one.outcome != DONE]
    return {
        # A write that may have been carried out counts: who acts on a change must not miss it.
        "changed": bool(writes or failure.get("done")),
        "failure": {**failure, "done": failure.get("done") or done, "unknown": unknown},
    }


def _listed(writes: Sequence[Write]) -> str:
    counts = Counter(printable(f"{one.plane}, {one.obj} ({one.action})") for one in writes)
    shown = [text if count == 1 else f"{text}, {count} times" for text, count in counts.items()]
    more = len(shown) - _MOST_TOLD
    return "; ".join(shown[:_MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."
