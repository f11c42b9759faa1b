# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Finds the secrets in the arguments of a task, and the forms in which texts may repeat them. No I/O.

Ansible removes a secret from its output by comparing texts. It finds neither a private key or a token in an option
that is not ``no_log``, nor an escaped secret, as in the ``str`` of a dict.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._errors import CLIENT_SECRET, TOKEN, USER_INFO, printable
from .._inputs import suboptions
from . import der

_MARK = "PRIVATE KEY-----"
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
# Line breaks, also escaped ones.
_BREAK = re.compile(r"(?:\\+[rn]|[\r\n])+")
# A shorter text may be a part of a word. Lines of a key have 64 characters.
_SHORTEST_LINE = 16
_SHORTEST_UNKNOWN = 8
_ENDPOINT, _QUERY_VALUE = "dsm_endpoint", re.compile(r"(?<==)[^&;#\s]+")
# Base64 of the smallest private keys in DER has more.
_SHORTEST_BASE64 = 60
_URL_SAFE = str.maketrans("-_", "+/")
# An API key of DSM: base64 of the ID of the app, a colon and the secret of the app.
_API_KEY = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:.{16,}", re.DOTALL)
# An unknown option, such as dsm_apikey: the task fails, but its arguments are printed.
_SECRET_NAME = re.compile(r"pass|secret|token|credential|api_?key|(?:client|private|tls)_?key$", re.IGNORECASE)


def holds_private_key(text: str) -> bool:
    """Whether this is or contains a private key: PEM, or base64 of PEM, DER or PKCS#12. Encrypted ones count."""
    return _MARK in text or _is_private(_decoded(text))


def is_credential(text: str) -> bool:
    """Whether this is or contains what has the form of a client secret, an API key or a token."""
    return bool(TOKEN.search(text) or CLIENT_SECRET.search(text) or _API_KEY.match(_decoded(text)))


def secrets_in(options: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> Iterator[str]:
    """The secrets among the arguments of a task, at any depth, whether or not they pass the checks of their options.

    Args:
        options: An argument spec.
        given: The arguments, also before they were validated.
    """
    # A list repeats many of them.
    for text in dict.fromkeys(texts_in(given)):
        # In the place of an ID or a path, for example.
        if holds_private_key(text) or is_credential(text):
            yield text
        yield from USER_INFO.findall(text)
    yield from _by_name(options, given)


def in_query(endpoint: object) -> set[str]:
    """The query and the fragment of an address, and the values in them: where an API key may have been pasted."""
    found = re.search(r"[?#](.{4,})", endpoint) if isinstance(endpoint, str) else None
    if found is None:
        return set()
    return {found[1], *(value for value in _QUERY_VALUE.findall(found[1]) if len(value) >= _SHORTEST_UNKNOWN)}


def forms_of(secrets: Iterable[str]) -> set[str]:
    """The secrets as messages, results and logs may repeat them: escaped, in one line, and a key line by line."""
    found: set[str] = set()
    for secret in secrets:
        texts = {secret, secret.strip(), printable(secret)}
        texts.update(block.group().strip() for block in _KEY_BLOCK.finditer(secret))
        for _level in range(2):
            texts.update(escaped for text in tuple(texts) for escaped in _escaped(text))
        found |= texts
        found.update(_lines(secret))
    # Never censor blanks: no message would be readable.
    return {form for form in found if form.strip()}


def _escaped(text: str) -> tuple[str, ...]:
    """As in the ``str`` of a dict or list, with either kind of quotes, and in JSON."""
    return repr(text)[1:-1], repr(f'{text}"')[1:-2], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _lines(secret: str) -> Iterator[str]:
    """The lines of a key, or of another secret with several lines: they survive wrapping and indentation."""
    bodies = [block.group(1) for block in _KEY_BLOCK.finditer(secret)] or [secret]
    for body in bodies:
        lines = [line.strip() for line in _BREAK.split(body)]
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE and "-----" not in line)
        yield "".join(lines) if len(lines) > 1 else ""


def _by_name(options: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        option = options.get(name)
        if name == _ENDPOINT:
            yield from in_query(value)
        if option is None:
            if _SECRET_NAME.search(str(name)) and not str(name).startswith("_ansible_"):
                yield from (text for text in texts_in(value) if len(text) >= _SHORTEST_UNKNOWN)
        elif option.get("no_log"):
            yield from texts_in(value)
        elif option.get("options"):
            for _place, inner in suboptions(name, value):
                yield from _by_name(option["options"], inner)


def texts_in(value: Any) -> Iterator[str]:
    """All texts in a value, those of its keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from texts_in(name)
            yield from texts_in(inner)
    elif isinstance(value, (list, tuple, set)):
        for inner in value:
            yield from texts_in(inner)


def _decoded(text: str) -> bytes:
    """Base64 with either alphabet, also without its end."""
    compact = "".join(_BREAK.sub("", text).split()).rstrip("=").translate(_URL_SAFE)
    if len(compact) < _SHORTEST_BASE64:
        return b""
    try:
        return base64.b64decode(compact[: len(compact) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return b""


def _is_private(content: bytes) -> bool:
    return _MARK.encode() in content or der.is_key(content)
