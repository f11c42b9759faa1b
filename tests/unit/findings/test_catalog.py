# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue of findings: one ID, one severity and one title for each fact."""

from __future__ import annotations

import re

from ansible_collections.fortanix.dsm.plugins.module_utils._findings import catalog
from ansible_collections.fortanix.dsm.plugins.module_utils._findings.finding import HIGH, INFO, LOW, MEDIUM, Kind
from ansible_collections.fortanix.dsm.plugins.module_utils._findings.renamed import RENAMED
from unit.builders import ROOT

NAMED = {name: value for name, value in vars(catalog).items() if isinstance(value, Kind)}


def test_a_constant_is_called_like_the_id_of_its_kind() -> None:
    assert {name: kind.id.upper().replace("-", "_") for name, kind in NAMED.items()} == {name: name for name in NAMED}


def test_every_kind_is_in_the_catalogue_once() -> None:
    assert sorted(catalog.CATALOG) == sorted(kind.id for kind in NAMED.values())
    assert len({kind.title for kind in NAMED.values()}) == len(NAMED)


def test_ids_are_words_with_hyphens() -> None:
    assert [name for name in catalog.CATALOG if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name)] == []


def test_every_kind_has_a_known_severity_area_and_section_of_the_guide() -> None:
    areas = {*catalog.CHECKS, catalog.RUN, catalog.CDC_CONNECTION, catalog.AZURE_KV_ACCESS}
    assert {kind.severity for kind in NAMED.values()} == {HIGH, MEDIUM, LOW, INFO}
    assert {kind.area for kind in NAMED.values()} == areas
    assert [kind.id for kind in NAMED.values() if not re.fullmatch(r"4\.[1-9]|-", kind.section)] == []


def test_what_is_found_elsewhere_has_no_kind_of_its_own() -> None:
    outside = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "plugins").rglob("*.py")
        if re.search(r"(?<![\w.])Kind\(", path.read_text(encoding="utf-8")) and path.parent.name != "_findings"
    ]
    assert outside == []


def test_an_old_id_leads_to_one_that_there_is_and_is_none_itself() -> None:
    assert set(RENAMED.values()) <= catalog.CATALOG.keys()
    assert not RENAMED.keys() & catalog.CATALOG.keys()
