#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_groups_report
short_description: Report the groups of one host after a setup of all groups
version_added: 0.1.0
description:
  - M(fortanix.dsm.cdc_groups) with C(run_once) sets up the groups of all hosts of a play in one task. Ansible
    attributes that task to one of the hosts.
  - This module returns the part of that result that belongs to the current host. The host is changed when one of its
    groups was changed, and its diff is that of its groups. The recap of the play, callback plugins and AWX then show
    the state of each host.
  - It sends no request, and it does not fail when a group has failed. Use RV(problem) in a separate task that fails,
    because Ansible shows no diff for a failed task.
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
      - It reports the result that it is given. In check mode that is a prediction.
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: full
    details:
      - It writes nothing. It returns C(changed) when the result that it reports does.
options:
  groups:
    description:
      - The records of the groups to report, from RV(fortanix.dsm.cdc_groups#module:groups).
    type: list
    elements: dict
    required: true
  shared:
    description:
      - The records of shared objects to report, from RV(fortanix.dsm.cdc_groups#module:shared). Pass each record to one
        host only.
    type: list
    elements: dict
    default: []
  diff:
    description:
      - The diff of the result. Parts that belong to other groups are removed.
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
  description: The value of O(groups). Same keys as RV(fortanix.dsm.cdc_groups#module:groups).
  returned: success
  type: list
  elements: dict
plan:
  description:
    - The changes of these groups and shared objects. Same keys as RV(fortanix.dsm.cdc_groups#module:plan).
  returned: success
  type: list
  elements: dict
problem:
  description:
    - Why groups are not set up. Lists the groups that have failed, that were not started, and whose creation is pending
      approval before all other steps. Empty when there are none.
  returned: success
  type: str
pending:
  description: Names of the groups that are pending approval.
  returned: success
  type: list
  elements: str
  sample: [akv-production]
unfinished:
  description: Names of the groups that were not started.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ..module_utils._operations import cdc_groups_report
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_groups_report)


if __name__ == "__main__":
    main()
