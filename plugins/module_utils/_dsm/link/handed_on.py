# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Responses of Azure that DSM passes on when it refuses a request: told with the diagnosis of a connection test.

For each request for which DSM calls Azure: a sync, the list of vaults, saving a link. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..._errors import TaskError
from ..wire.errors import ApprovalRequired, DsmError
from .azure_link import Link


@contextmanager
def explained(action: str, link: Link | None, *, calls_azure: bool = True) -> Iterator[None]:
    """Raises a refusal that is Azure's with cause and remedy; it stays a :class:`DsmError` with the same status.

    Args:
        action: What DSM was to do: ``sync the keys``.
        link: The link that DSM uses.
        calls_azure: Whether DSM calls Azure for each such request. Otherwise the text must show that it is Azure's.
    """
    try:
        yield
    except TaskError as error:
        failure = _explained(error, action, link, calls_azure=calls_azure)
    else:
        return
    raise failure


def _explained(error: TaskError, action: str, link: Link | None, *, calls_azure: bool) -> TaskError:
    status, words = error.details.get("status"), error.words if isinstance(error, DsmError) else error.server_words
    if isinstance(error, ApprovalRequired) or not isinstance(status, int) or not words:
        return error
    # Imported here: the table behind it takes tens of milliseconds to import, and few tasks need it.
    from .diagnosis import diagnose, is_of_azure, names_azure

    if isinstance(error, DsmError) and error.is_about_caller and not is_of_azure(words, status):
        return error
    found = diagnose(words, status, link)
    if not found.is_known or not (calls_azure or names_azure(words)):
        return error
    if isinstance(error, DsmError):
        problem = f"DSM cannot {action}: {found.summary}"
        return error.of_azure(problem, plane=found.plane, next_step=found.step, diagnosis=found.record())
    # An operation that failed after its approval.
    return error.reworded(
        f"{error.problem}: {found.summary}",
        next_step=f"{found.step}; then run the task again, which files a new request",
        diagnosis=found.record(),
    )
