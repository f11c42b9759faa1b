# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The parts of DSM's responses that this collection reads, and their types.

All other parts of a response are ignored, as the API demands of its clients. If a part has another type, the error
message names that part; otherwise the code would fail wherever the part is used first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._rest.shapes import Shape, anything, boolean, either, list_of, map_of, number, optional, record, text
from . import routes
from .kinds import is_azure


def listing(shape: Shape) -> Shape:
    """A list in either of the forms that servers return: bare, or as the ``items`` of an object (DSM contract §2.2)."""
    bare = list_of(shape)

    def check(value: Any, place: str) -> Iterator[str]:
        if isinstance(value, dict) and "items" in value:
            return bare(value["items"], f"{place}.items")
        return bare(value, place)

    return check


_TEXTS = list_of(text)
# The application of a link, its tenant and subscription are never guessed: these members are required, and the API has
# them in every link (DSM contract §2.5).
_AZURE_LINK = record(
    url=optional(text),
    tls=optional(record()),
    auth_config=optional(record()),
    endpoints=optional(record()),
    tenant_id=text,
    client_id=text,
    subscription_id=text,
    key_vault_type=optional(text),
)
_ANY_LINK = record(kind=text, url=optional(text))


def _link(value: Any, place: str) -> Iterator[str]:
    complaints = list(_ANY_LINK(value, place))
    return iter(complaints) if complaints or not is_azure(value) else _AZURE_LINK(value, place)


_GROUP = record(
    group_id=text,
    name=text,
    description=optional(text),
    hmg=optional(map_of(_link)),
    custom_metadata=optional(map_of(optional(text))),
)
_KEY = record(
    kid=text,
    name=optional(text),
    state=optional(text),
    enabled=optional(boolean),
    group_id=optional(text),
    obj_type=optional(text),
    elliptic_curve=optional(text),
    external=optional(record(id=optional(record(label=optional(text), version=optional(text))))),
    custom_metadata=optional(record()),
    links=optional(record(copiedFrom=optional(text), replaced=optional(text), replacement=optional(text))),
    key_ops=optional(_TEXTS),
    key_size=optional(number),
    pub_key=optional(text),
    export_policy=optional(record()),
    rotation_policy=optional(record()),
)
_VAULT = record(id=text, name=text, vault_type=text, uri=text, location=optional(text), tags=optional(record()))
_ACCOUNT = record(acct_id=text, name=optional(text), subscription=optional(record()))
_USER = record(
    user_id=text,
    user_email=optional(text),
    account_role=optional(_TEXTS),
    groups=optional(map_of(_TEXTS)),
    explicit_groups=optional(map_of(_TEXTS)),
)
_APPROVAL = record(
    request_id=text,
    status=text,
    method=text,
    operation=text,
    description=optional(text),
    denial_reason=optional(text),
)
_APP = record(
    app_id=text,
    acct_id=optional(text),
    name=optional(text),
    role=optional(text),
    auth_type=optional(text),
    auth_type_all=optional(_TEXTS),
    groups=optional(either(map_of(optional(_TEXTS)), _TEXTS)),
    account_membership=optional(record(roles=optional(list_of(record())))),
)

ANSWERS: dict[tuple[str, str], Shape] = {
    ("GET", routes.VERSION): record(version=text, api_version=optional(text), server_mode=optional(text)),
    ("POST", routes.AUTH): record(access_token=optional(text), entity_id=optional(text)),
    ("GET", routes.ACCOUNTS): listing(_ACCOUNT),
    ("GET", routes.ACCOUNT): _ACCOUNT,
    ("GET", routes.USERS): listing(_USER),
    ("GET", routes.USER): _USER,
    ("GET", routes.USER_PERMISSIONS): record(
        account=_TEXTS, groups=optional(map_of(_TEXTS)), all_groups=optional(_TEXTS)
    ),
    ("GET", routes.APPS): listing(_APP),
    ("GET", routes.APP): _APP,
    ("GET", routes.GROUPS): listing(_GROUP),
    ("GET", routes.GROUP): _GROUP,
    ("POST", routes.GROUPS): _GROUP,
    ("POST", routes.AZURE_VAULTS): listing(_VAULT),
    ("GET", routes.KEYS): listing(_KEY),
    ("POST", routes.KEY_INFO): _KEY,
    ("POST", routes.KEYS): _KEY,
    ("POST", routes.KEYS_COPY): _KEY,
    ("PATCH", routes.KEY): _KEY,
    ("GET", routes.APPROVALS): listing(_APPROVAL),
    ("POST", routes.APPROVALS): _APPROVAL,
    ("GET", routes.APPROVAL): _APPROVAL,
    ("POST", routes.APPROVAL_RESULT): record(status=number),
}


def complaint_about(method: str, route: str, answer: Any) -> str | None:
    """The first thing that is wrong with a response; None if it is correct."""
    shape = ANSWERS.get((method, route), anything)
    return next(shape(answer, "the response"), None)
