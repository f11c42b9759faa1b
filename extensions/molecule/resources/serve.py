# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves a sandbox until its file is removed. Started by create.yml, with the folder of the scenario."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests"))

from sandbox import Sandbox
from sandbox.world import AzureView


def link_to(azure: AzureView) -> dict[str, str]:
    return {
        "link_tenant_id": azure.tenant_id,
        "link_client_id": azure.client_id,
        "link_subscription_id": azure.subscription_id,
        "link_client_secret": azure.client_secret,
    }


def main(folder: Path) -> None:
    facts = folder / "sandbox.json"
    with Sandbox.start(directory=folder / "sandbox") as sandbox:
        variables = {
            "sandbox_environment": sandbox.environment(),
            "sandbox_control_url": sandbox.control_url,
            "sandbox_dsm_host": sandbox.world.dsm_endpoint.removeprefix("https://"),
            "sandbox_public": link_to(sandbox.world.public),
            "sandbox_government": link_to(sandbox.world.government),
            "sandbox_government_operator": sandbox.operator_environment(sandbox.world.government),
        }
        # The file is complete when it appears, and only its owner can read it: it contains (simulated) secrets.
        draft = facts.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(variables, file)
        draft.rename(facts)
        while facts.exists():
            time.sleep(0.2)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
