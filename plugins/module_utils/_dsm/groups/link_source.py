# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The link that a read-only task uses: that of a group, a complete one from options, or a combination of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..._errors import InvalidInput
from ..link.azure_link import NEW_LINK, Link
from ..link.options import LinkOptions
from ..wire.client import DsmClient
from .link_edit import config_of
from .selection import Selection, resolve
from .stored_groups import Group

_COMPLETE = ("link_tenant_id", "link_client_id", "link_subscription_id")


@dataclass(frozen=True)
class LinkSource:
    """``selection`` is None if the options contain a complete link."""

    selection: Selection | None
    options: LinkOptions

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> LinkSource:
        """From the options of group selection and link.

        Raises:
            InvalidInput: neither a group nor a complete link.
        """
        options = LinkOptions.from_params(params)
        if any(params.get(name) is not None for name in ("group_name", "group_id", "group")):
            return cls(Selection.from_params(params), options)
        missing = [name for name in _COMPLETE if params.get(name) is None]
        missing += [] if options.has_credential else ["link_client_secret or link_certificate"]
        if missing:
            raise InvalidInput(
                missing[0],
                f"no group is selected, and the link is not complete; missing: {', '.join(missing)}",
                "select a group (group_name, group_id or group), or set all of "
                + ", ".join(_COMPLETE)
                + " and a credential",
            )
        return cls(None, options)

    @property
    def is_stored(self) -> bool:
        """Whether the options select the stored link of a group, unchanged."""
        return replace(self.options, legacy=None, pem=None) == LinkOptions()

    def resolve(self, dsm: DsmClient, *, check_mode: bool) -> tuple[Link, Group | None]:
        """The link with the options applied, and its group."""
        if self.selection is None:
            return self.options.over(NEW_LINK), None
        return self.over(resolve(dsm, self.selection, check_mode=check_mode))

    def over(self, group: Group) -> tuple[Link, Group | None]:
        """As :meth:`resolve`, for a group that has already been read."""
        return self.options.over(group.link or NEW_LINK), group

    def config_for(self, link: Link) -> dict[str, Any]:
        """The configuration to send, with the credential from the options.

        Raises:
            InvalidInput: there is no credential, or the key of the TLS client certificate is missing.
        """
        return config_of(link, self.options.credential_for(link))
