# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Writes whose response is lost, or that Azure throttles: which may be repeated, and when."""

from __future__ import annotations

from collections.abc import Callable

from ..._rest.statuses import TOO_MANY_REQUESTS
from ..._waiter import Patience
from .errors import LOGIN, AzureError, may_have_worked
from .meanings import CONFLICT_ERROR, DIRECTORY_BUSY

# More failures in a row are not temporary. Throttling is limited only by the deadline.
MOST_FAILURES = 5
# Seconds, for steps without their own deadline.
_TIMEOUT, _INTERVAL = 120, 2


def attempt(send: Callable[[], object]) -> AzureError | None:
    """The temporary failure of a write; None if it succeeded.

    Raises:
        AzureError: Azure rejects it, or the operator's authentication fails.
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
    """Send an idempotent write whose body does not depend on a read, repeatedly if needed.

    Args:
        send: Sends the request once.
        patience: The time limit.

    Raises:
        AzureError: it is rejected, or its failure is not temporary.
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
    """The minimum wait before the next attempt, in seconds."""
    if error.retry_after is not None:
        return error.retry_after
    return 1.0 if is_throttled(error) else 0.0


def _passes(error: AzureError) -> bool:
    if error.obj == LOGIN:
        # Nothing has reached the service.
        return False
    return is_throttled(error) or error.code in (CONFLICT_ERROR, DIRECTORY_BUSY) or may_have_worked(error)
