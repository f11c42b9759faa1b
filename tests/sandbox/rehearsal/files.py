# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that a running sandbox leaves for other shells: environment, variables of a group, address of its control.

They hold secrets of simulated services only, and are readable by the user alone. They go when the sandbox ends.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from ..authorities import write_privately
from ..world import AzureView
from .breaks import GROUP, VAULT

ENVIRONMENT, VARIABLES, CONTROL = "environment.sh", "my-group.yml", "control-url"


def exports(environment: Mapping[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def write_files(directory: Path, environment: Mapping[str, str], view: AzureView, control_url: str) -> list[Path]:
    """Write them, the variables only where the world has a vault for the group."""
    contents = {ENVIRONMENT: exports(environment), CONTROL: f"{control_url}\n"}
    if view.client_id:
        contents[VARIABLES] = _variables(view)
    written = [directory / name for name in contents]
    for path, content in zip(written, contents.values(), strict=True):
        write_privately(path, content)
    return written


def _variables(view: AzureView) -> str:
    """The variables of playbooks/setup.yml for a group with the first vault. JSON's strings are YAML's too."""
    values = {
        "cdc_setup_name": GROUP,
        "cdc_setup_link_tenant_id": view.tenant_id,
        "cdc_setup_link_client_id": view.client_id,
        "cdc_setup_link_subscription_id": view.subscription_id,
        "cdc_setup_link_client_secret": view.client_secret,
        "cdc_setup_vault": {"name": VAULT},
    }
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())
