# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module has a playbook test of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.playbook import ROOT

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_module_is_run_in_playbooks_in_both_modes(module: str) -> None:
    path = Path(__file__).with_name(f"test_{module}.py")
    assert path.exists(), f"{module} has no playbook test"
    text = path.read_text(encoding="utf-8")
    assert f'{{"{module}": ' in text
    assert "ansible.tasks(" in text
    assert "check=True" in text or '"check_mode": True' in text or module.endswith("_info") or "in check mode" in text
