# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Checks a secret as it was given: a file, an editor or an environment variable may have added to it. No I/O.

A service would refuse it as a wrong secret, which tells nobody about a line break at its end. What a service makes (a
client secret, a token) has no white space. What a person chooses (a password) may have blanks, but no line break.
"""

from __future__ import annotations

from .._errors import InvalidInput, printable
from .._ids import is_uuid

# Also a byte order mark, which is no white space to Python.
_ADDED = "\ufeff\u200b\u2060"
_CLEAN = "remove what a file or an editor has added: the filter `trim` removes white space at both ends"


def checked_client_secret(option: str, secret: str) -> str:
    """The client secret as Entra shows it.

    Raises:
        InvalidInput: it is empty, the ID of a secret, or contains what no secret contains.
    """
    if not secret.strip():
        raise InvalidInput(option, "it is empty", "set it to the Value of the client secret, or omit it")
    if is_uuid(secret):
        raise InvalidInput(
            option,
            "it is the secret's ID, not its Value",
            "set it to the Value, which Azure shows only once, when the secret is created",
        )
    return _without_blanks(option, secret, "set it to the Value of the client secret, on one line")


def checked_token(option: str, token: str) -> str:
    """A token as an identity provider issues it.

    Raises:
        InvalidInput: it contains white space.
    """
    return _without_blanks(option, token, "set it to the token, on one line")


def checked_password(option: str, password: str) -> str:
    """A text that a person chose: blanks are a part of it.

    Raises:
        InvalidInput: it contains a line break, a byte order mark or another character that nobody can type.
    """
    if added := _added_to(password):
        raise InvalidInput(option, f"it {added}", f"set it without that; {_CLEAN}")
    return password


def remedy_for_passphrase(passphrase: str) -> str:
    """The next step if a passphrase does not fit."""
    added = _added_to(passphrase)
    return f"correct the passphrase: it {added}; {_CLEAN}" if added else "correct the passphrase"


def _without_blanks(option: str, text: str, remedy: str) -> str:
    if any(character.isspace() for character in text) or _added_to(text):
        added = _added_to(text)
        raise InvalidInput(option, "it contains white space" + (f" ({added})" if added else ""), f"{remedy}; {_CLEAN}")
    return text


def _added_to(text: str) -> str:
    """What does not belong there, without a part of the text."""
    if text.startswith(tuple(_ADDED)):
        return "begins with a byte order mark or another invisible character"
    if text.endswith(("\n", "\r")):
        return "ends with a line break"
    return "contains a control character or an invisible one" if printable(text) != text.strip() else ""
