#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_groups_report
short_description: Report the groups of one host after a set-up of all groups
version_added: 0.1.0
description:
  - M(fortanix.dsm.cdc_groups) with C(run_once) sets up the groups of all hosts of a play in one task. Ansible counts
    that task for one of the hosts.
  - This module returns the part of the result that belongs to the current host. The host is changed when one of its
    groups was changed, and its diff is that of its groups. So the recap of the play, a callback plugin and AWX show
    each host as it is.
  - It sends no request, and it does not fail when a group has failed. RV(problem) is for a task that does, as Ansible
    shows no diff of a task that fails.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the status it would have without changing anything.
    support: full
    details:
      - It reports what the result says, which in check mode is a prediction.
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: full
    details:
      - It writes nothing. It returns C(changed) when the result that it reports does.
options:
  groups:
    description:
      - The records of the groups to report, of RV(fortanix.dsm.cdc_groups#module:groups).
    type: list
    elements: dict
    required: true
  shared:
    description:
      - The records of shared objects to report, of RV(fortanix.dsm.cdc_groups#module:shared). Give each to one host.
    type: list
    elements: dict
    default: []
  diff:
    description:
      - The diff of the result. What belongs to other groups is left out.
    type: dict
    default: {}
seealso:
  - module: fortanix.dsm.cdc_groups
"""

EXAMPLES = r"""
- name: Set up the groups of all hosts
  fortanix.dsm.cdc_groups:
    groups: "{{ cdc_groups }}" # each with the option host
    on_error: continue
  run_once: true
  register: made
  changed_when: false
  failed_when: "'groups' not in made"

- name: Report the groups of this host
  fortanix.dsm.cdc_groups_report:
    groups: "{{ made.groups | selectattr('host', 'eq', inventory_hostname) }}"
    shared: "{{ made.shared | selectattr('host', 'eq', inventory_hostname) }}"
    diff: "{{ made.diff }}"
  register: report

- name: Fail if a group of this host failed
  ansible.builtin.fail:
    msg: "{{ report.problem }}"
  when: report.problem != ""
"""

RETURN = r"""
groups:
  description: The records, as given.
  returned: success
  type: list
  elements: dict
plan:
  description: The changes of these groups and shared objects, as RV(fortanix.dsm.cdc_groups#module:plan).
  returned: success
  type: list
  elements: dict
problem:
  description:
    - Why groups are not set up. Those that have failed, that were not begun, and those whose creation waits for an
      approval before the other steps. Empty when there are none.
  returned: success
  type: str
pending:
  description: Names of the groups that wait for an approval.
  returned: success
  type: list
  elements: str
unfinished:
  description: Names of the groups that were not begun.
  returned: success
  type: list
  elements: str
"""

from ..module_utils._operations import cdc_groups_report
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_groups_report)


if __name__ == "__main__":
    main()
