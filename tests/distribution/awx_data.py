# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the repository holds for AWX, as data."""

from __future__ import annotations

import json
from typing import Any

import yaml

from support.awx import Loader
from support.playbook import ROOT

PATTERN = "extensions/patterns/cdc_groups"


def settings() -> dict[str, Any]:
    """The variables of playbooks/awx.yml."""
    text = (ROOT / "playbooks/vars/awx.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader)
    return loaded


def credential_type() -> dict[str, Any]:
    """The type of the login to DSM."""
    (only,) = settings()["controller_credential_types"]
    found: dict[str, Any] = only
    return found


def templates() -> list[dict[str, Any]]:
    """The job templates of the pattern."""
    pattern = json.loads((ROOT / PATTERN / "meta/pattern.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = pattern["aap_resources"]["controller_job_templates"]
    return found


def template(name: str) -> dict[str, Any]:
    (only,) = [one for one in templates() if one["name"] == name]
    return only
