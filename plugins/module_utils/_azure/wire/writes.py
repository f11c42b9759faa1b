# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Writes whose answer is lost, or which Azure asks to send later: which of them may be sent again, and when."""

from __future__ import annotations

from collections.abc import Callable

from ..._rest.statuses import TOO_MANY_REQUESTS
from ..._waiter import Patience
from .errors import CONFLICT_ERROR, LOGIN, AzureError, may_have_worked

# So many failures in a row are no trouble that passes. Being throttled is bounded by the deadline alone.
MOST_FAILURES = 5
# Seconds, for steps that have no deadline of their own.
_TIMEOUT, _INTERVAL = 120, 2


def attempt(send: Callable[[], object]) -> AzureError | None:
    """The failure of a write that may pass; None when it has succeeded.

    Raises:
        AzureError: Azure refuses it, or the operator's login fails.
    """
    try:
        send()
    except AzureError as error:
        if not _passes(error):
            raise
        return error
    return None


def is_throttled(error: AzureError) -> bool:
    return error.status == TOO_MANY_REQUESTS


def repeated(send: Callable[[], object], patience: Patience | None = None) -> None:
    """A write that does the same however often it is carried out, and whose body does not come from a read.

    Args:
        send: The request, sent once.
        patience: Until when to try.

    Raises:
        AzureError: it is refused, or its failure does not pass.
    """
    patience = patience or Patience.of(_TIMEOUT, _INTERVAL)
    failures = 0
    while True:
        failure = attempt(send)
        if failure is None:
            return
        failures += not is_throttled(failure)
        if failures >= MOST_FAILURES or not patience.pause(pause_after(failure)):
            raise failure


def pause_after(error: AzureError) -> float:
    """How many seconds to wait at least before the next attempt."""
    if error.retry_after is not None:
        return error.retry_after
    return 1.0 if is_throttled(error) else 0.0


def _passes(error: AzureError) -> bool:
    if error.obj == LOGIN:
        # Nothing has reached the service.
        return False
    return is_throttled(error) or error.code == CONFLICT_ERROR or may_have_worked(error)
