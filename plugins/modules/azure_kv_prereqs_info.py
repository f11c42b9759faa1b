#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: azure_kv_prereqs_info
short_description: Judge the rights that an application really has at an Azure key vault
version_added: 0.1.0
description:
  - Judges the effective rights of the application that Fortanix DSM logs in as, at one key vault or managed HSM, and
    says for each right where it comes from, or why it is not there.
  - What counts is what Azure would decide, not what is listed. An access policy counts for nothing in a vault that is
    in RBAC mode, V(all) does not contain V(purge), and Key Vault Contributor does not extend to managed HSMs.
  - Looks at the credentials of the application and at the vault itself, too.
  - What cannot be known is V(unknown), with the reason. It is never taken for granted.
  - Only reads. The operator needs Reader on the vault. Reading applications needs C(Application.Read.All) in Microsoft
    Graph, and reading the local roles of a managed HSM a local role of that HSM.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.operator
  - fortanix.dsm.azure
  - fortanix.dsm.app_rights
  - fortanix.dsm.app_rights.profile
  - fortanix.dsm.app_rights.wanted
options:
  rights_profile:
    default: guide
seealso:
  - module: fortanix.dsm.azure_kv_prereqs
  - module: fortanix.dsm.cdc_connection
"""

EXAMPLES = r"""
- name: Look whether the application has what the product guide asks for
  fortanix.dsm.azure_kv_prereqs_info:
    vault:
      resource_id: "{{ vault_resource_id }}"
    app_client_id: "{{ link_client_id }}"
  register: prereqs

- name: Stop unless everything is known to be right
  ansible.builtin.assert:
    that: prereqs.verdict in ["ok", "warning"]
    fail_msg: "{{ prereqs.findings | map(attribute='remedy') | unique | join(' ') }}"

- name: Judge a vault with network rules, for the addresses that DSM comes from
  fortanix.dsm.azure_kv_prereqs_info:
    vault:
      name: akv-production
      resource_group: rg-keys
    subscription_id: "{{ subscription }}"
    app_client_id: "{{ link_client_id }}"
    rights_profile: least_privilege
    dsm_egress_addresses:
      - 198.51.100.7
"""

RETURN = r"""
verdict:
  description:
    - The word for all findings. V(failed) when one has failed, else V(unknown) when one is unknown, else V(warning),
      else V(ok).
  returned: success
  type: str
  sample: failed
rights:
  description: One entry for each right that is wanted.
  returned: success
  type: list
  elements: dict
  contains:
    requirement:
      description: What is wanted, for example C(keys/get) or C(Key Vault Contributor).
      type: str
    action:
      description: The action, data action or key permission that was judged.
      type: str
    verdict:
      description: One of V(ok), V(ok_with_warning), V(missing), V(ineffective), and V(unknown).
      type: str
    sources:
      description: Where the right comes from. Name, scope, group and end in time of each grant.
      type: list
      elements: dict
    reason:
      description: Why the verdict is what it is.
      type: str
    remedy:
      description: What to do about it.
      type: str
    notes:
      description: Circumstances, as stable names.
      type: list
      elements: str
findings:
  description: What was found, the worst first. Empty when there is nothing to say.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Stable name of the kind of finding.
      type: str
    status:
      description: One of V(failed), V(warning), and V(unknown).
      type: str
    severity:
      description: One of V(high), V(medium), V(low), and V(info).
      type: str
    section:
      description: Section of the product guide, V(-) when it has none.
      type: str
    title:
      description: The finding in a few words.
      type: str
    plane:
      description: V(Azure) or V(Entra).
      type: str
    object:
      description: What it was found at.
      type: str
    expected:
      description: What is right.
      type: str
    actual:
      description: What is there.
      type: str
    evidence:
      description: The facts that it is concluded from.
      type: dict
    remedy:
      description: What to do.
      type: str
vault:
  description:
    - The vault or managed HSM as in RV(fortanix.dsm.azure_kv_vault#module:vault), and whether DSM reaches it.
  returned: success
  type: dict
application:
  description:
    - The application. Client ID, object ID of its service principal, name, whether it is enabled, what disables it
      (C(disabled)), and the ends of its credentials, those of the service principal included (C(place)). V(null) stands
      for what the operator may not read.
  returned: success
  type: dict
over_privileges:
  description: Rights of the application at this vault that let it gain more than it was given.
  returned: success
  type: list
  elements: dict
"""

from ..module_utils._operations import azure_kv_prereqs_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(azure_kv_prereqs_info)


if __name__ == "__main__":
    main()
