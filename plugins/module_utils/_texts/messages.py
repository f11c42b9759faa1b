# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Splits messages of modules into problem and next step, to join several messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def parted(message: str) -> tuple[str, str]:
    """Problem and next step, which is empty if the message has none. Both without a full stop."""
    cause, _mark, step = message.partition(" Next: ")
    return cause.rstrip("."), step.rstrip(".")


def next_of(messages: Iterable[str], *last: str) -> list[str]:
    """The next steps of these messages, each once, and ``last``."""
    steps = dict.fromkeys([*(parted(message)[1] for message in messages), *last])
    return [step for step in steps if step]


def next_steps(messages: Iterable[str], *last: str) -> str:
    """One sentence with the next steps of these messages, each once, and ``last``; empty if there is none."""
    named = next_of(messages, *last)
    return f"Next: {'; '.join(named)}." if named else ""
