#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_key_info
short_description: List the keys of CDC groups in Fortanix DSM and Azure, and how they differ
version_added: 0.1.0
description:
  - Returns the keys of groups that are linked to Azure Key Vault, as DSM and the vault have them, and findings about
    differences, rotation, expiry and leftovers. C(docs/keys.md) in the collection describes states and findings.
  - Only reads, and never reads key material.
  - Works with DSM credentials alone. With the credentials of an operator that can list the keys of the vault, both
    sides are compared. What was not read is listed in RV(groups[].not_read), is V(null) in the keys, and leads to
    findings with the status V(unknown).
  - Each vault is read once, however many groups use it. A vault returns 25 keys in one response.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.dsm
  - fortanix.dsm.group_selection.optional
options:
  names:
    description:
      - Names of keys in the vault. Only these are returned, and only their versions are read. When empty, all keys are
        returned.
      - A name that no key has in DSM or in the vault leads to a warning.
    type: list
    elements: str
    default: []
  depth:
    description:
      - V(list) reads the list of keys of the vault. Whether DSM has the current version is then known only from the
        times at which the key was created in the vault and in DSM; RV(groups[].keys[].compared) is V(by_time). Where
        these are less than five minutes apart, as for keys that DSM has created or copied, versions are read of up to
        25 keys of each group, and the others are V(unknown).
      - V(versions) also reads all versions of each key, which takes one request for each key. Of keys with several
        versions, and of copies of keys in DSM, the public key of each version and the rotation policy in Azure are
        read, too.
    type: str
    choices: [list, versions]
    default: list
  look_in_azure:
    description:
      - Whether to read the vault with the operator credentials. With V(false), no operator credentials are needed.
      - If the vault or its firewall refuses the operator, keys and versions are read through Azure Resource Manager,
        which shows neither soft-deleted keys nor public keys nor rotation policies.
    type: bool
    default: true
  renew_before_days:
    description:
      - A key that expires within this number of days, from V(0) to V(3650), is a finding.
    type: int
    default: 30
  max_age_days:
    description:
      - A current version that is older than this number of days, from V(1) to V(3650), is a finding. When not set, any
        age is accepted.
    type: int
  require_expiry:
    description:
      - Whether a key without an expiry date is a finding.
    type: bool
    default: false
  require_hsm:
    description:
      - Whether a key that is not protected by an HSM is a finding.
    type: bool
    default: false
  min_hsm_platform:
    description:
      - The lowest HSM platform of the current version that is accepted, as Azure numbers platforms. V(1) is validated
        for FIPS 140-2 level 2, V(2) for FIPS 140-3 level 3. When not set, any platform is accepted, also software.
      - Keys of a Managed HSM meet this always.
    type: int
    choices: [1, 2]
  max_keys:
    description:
      - Number of keys of each vault, from V(0) to V(100000), whose versions are read with O(depth=versions). For the
        other keys they are V(unknown).
    type: int
    default: 10000
seealso:
  - module: fortanix.dsm.cdc_key
  - module: fortanix.dsm.cdc_sync
  - module: fortanix.dsm.cdc_compliance_info
"""

EXAMPLES = r"""
- name: List the keys of all groups, with DSM credentials only
  fortanix.dsm.cdc_key_info:
    look_in_azure: false
  register: keys

- name: Compare all versions of the keys of one group
  fortanix.dsm.cdc_key_info:
    group_name: akv-production
    depth: versions
    max_age_days: 365
    require_expiry: true
  register: keys

- name: Show the keys that DSM does not have in their current version
  ansible.builtin.debug:
    msg: "{{ keys.groups | map(attribute='keys') | flatten | rejectattr('in_sync', 'true') | map(attribute='name') }}"
"""

RETURN = r"""
checked_at:
  description: Time of the run, UTC, by the clocks of the services.
  returned: success
  type: str
  sample: "2026-11-30T09:15:00Z"
groups:
  description: The groups, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    group:
      description: The group.
      type: dict
      contains:
        group_id:
          description: ID of the group. V(null) while it is only planned.
          type: str
          sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
        name:
          description: Name of the group.
          type: str
          sample: akv-production
    vault_uri:
      description: Address of the vault of the link. V(null) when none is selected.
      type: str
      sample: https://akv-prod.vault.azure.net/
    keys:
      description:
        - One record for each name of a key in DSM or in the vault, sorted by name. With soft-deleted keys of the vault.
        - Values are those of the current version in the vault. When the vault was not read, those of the newest version
          in DSM.
      type: list
      elements: dict
      contains:
        name:
          description: Name in the vault.
          type: str
          sample: payments
        versionless_id:
          description: ID without a version. Azure services that take it follow new versions.
          type: str
          sample: https://akv-prod.vault.azure.net/keys/payments
        id:
          description: ID of the current version. V(null) when that version is not known.
          type: str
          sample: https://akv-prod.vault.azure.net/keys/payments/0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f
        version:
          description: The current version, 32 hexadecimal digits. V(null) when it is not known.
          type: str
          sample: 0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f
        state:
          description:
            - V(live) or V(disabled) when both sides, as far as they were read, have the key.
            - V(foreign) when only the vault has it. V(recovered) when DSM shows it as deleted. V(ghost) when only DSM
              has it.
            - V(soft_deleted), V(purged) or V(destroyed).
          type: str
          sample: live
        in_sync:
          description: Whether DSM has the current version of the vault. V(null) when it is not known.
          type: bool
          sample: true
        compared:
          description: How RV(groups[].keys[].in_sync) is known. V(by_version), V(by_time), or V(unknown).
          type: str
          sample: by_version
        managed:
          description: Whether Azure manages the key for a certificate. V(null) when it is not known.
          type: bool
          sample: false
        enabled:
          description: Whether the current version is enabled. V(null) when it is not known.
          type: bool
          sample: true
        created:
          description: When the current version was created in the vault, UTC. V(null) when the vault was not read.
          type: str
          sample: "2026-09-01T08:00:00Z"
        not_before:
          description: Time before which the key cannot be used, UTC. V(null) for none.
          type: str
          sample: "2026-09-01T08:00:00Z"
        expires:
          description: Expiry, UTC. V(null) for none.
          type: str
          sample: "2027-09-01T08:00:00Z"
        type:
          description:
            - V(RSA), V(EC), or another type as the service names it. V(null) when it is not known.
            - Without the public key of the current version, type, size, curve, operations and protection are those of
              DSM's record of it, and V(null) if DSM does not have that version.
          type: str
          sample: RSA
        size:
          description: Size of an RSA key in bits. V(null) for other keys, and when it is not known.
          type: int
          sample: 3072
        curve:
          description: Curve of an EC key, as Azure names it. V(null) for other keys, and when it is not known.
          type: str
          sample: P-256
        operations:
          description: Permitted operations, sorted. V(null) when they are not known.
          type: list
          elements: str
          sample: [sign, verify]
        protection:
          description: V(software) or V(hsm). V(null) when it is not known.
          type: str
          sample: hsm
        hsm_platform:
          description: The HSM platform, as Azure numbers it. V(null) when Azure does not return it.
          type: str
          sample: "2"
        exportable:
          description: Whether the key can be released from the vault. V(null) when Azure does not return it.
          type: bool
          sample: false
        recovery_level:
          description: Deletion recovery level of the key. V(null) when the vault was not read.
          type: str
          sample: Recoverable
        purge_date:
          description:
            - When the vault purges the soft-deleted key, UTC. V(null) for other keys, and when it is not known.
          type: str
          sample: "2026-12-24T08:00:00Z"
        tags:
          description: Tags of the current version. V(null) when the vault was not read.
          type: dict
          sample: {team: payments}
        azure_rotates:
          description: Whether a rotation policy in Azure creates new versions. V(null) when it was not read.
          type: bool
          sample: false
        origin:
          description:
            - V(copy) when the key material is from a key in DSM. V(azure) when M(fortanix.dsm.cdc_key) had Azure
              generate it. V(unknown) otherwise.
          type: str
          sample: copy
        source_kid:
          description: DSM's ID of the key that this key is a copy of. V(null) when it is no copy.
          type: str
          sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
        public_key_sha256:
          description:
            - SHA-256 of the public key of the current version (SubjectPublicKeyInfo in DER). V(null) when it was not
              read.
          type: str
          sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        records:
          description: DSM's records of the key, one for each version that DSM knows, the oldest first.
          type: list
          elements: dict
          contains:
            kid:
              description: DSM's ID.
              type: str
              sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
            name:
              description: Name in DSM.
              type: str
              sample: payments
            version:
              description: Version in the vault. V(null) when DSM does not return it.
              type: str
              sample: 0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f
            state:
              description: State in DSM, in lower case.
              type: str
              sample: active
            azure_state:
              description: State in Azure as DSM shows it, in lower case. V(null) when DSM does not return it.
              type: str
              sample: created
            enabled:
              description: Whether the key is enabled in DSM.
              type: bool
              sample: true
            created:
              description:
                - When DSM created the record, UTC. For a key that a sync has found, the time of that sync. V(null) when
                  DSM does not return it.
              type: str
              sample: "2026-09-01T08:01:00Z"
            expires:
              description: Deactivation date in DSM, UTC. V(null) for none.
              type: str
              sample: "2027-09-01T08:00:00Z"
            copied_from:
              description: DSM's ID of the source of a copy. V(null) for other keys.
              type: str
              sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
            replaced:
              description: DSM's ID of the key that this one replaced. V(null) for none.
              type: str
              sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
            replacement:
              description: DSM's ID of the key that replaced this one. V(null) for none.
              type: str
              sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
            rotation_policy:
              description: Whether DSM has a rotation policy for the key.
              type: bool
              sample: false
            next_rotation:
              description: When DSM rotates the key next, UTC. V(null) when it does not.
              type: str
              sample: "2027-06-01T08:00:00Z"
        versions:
          description: Versions in the vault, the newest first. V(null) when they were not read.
          type: list
          elements: dict
          contains:
            version:
              description: The version.
              type: str
              sample: 0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f
            id:
              description: ID of the version.
              type: str
              sample: https://akv-prod.vault.azure.net/keys/payments/0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f
            enabled:
              description: Whether the version is enabled.
              type: bool
              sample: true
            created:
              description: When it was created, UTC. V(null) when Azure does not return it.
              type: str
              sample: "2026-09-01T08:00:00Z"
            not_before:
              description: Time before which it cannot be used, UTC. V(null) for none.
              type: str
              sample: "2026-09-01T08:00:00Z"
            expires:
              description: Expiry, UTC. V(null) for none.
              type: str
              sample: "2027-09-01T08:00:00Z"
            hsm_platform:
              description: HSM platform. V(null) when Azure does not return it.
              type: str
              sample: "2"
            tags:
              description: Tags of the version.
              type: dict
              sample: {team: payments}
            public_key_sha256:
              description: SHA-256 of its public key. V(null) when it was not read.
              type: str
              sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
            kid:
              description: DSM's ID of its record. V(null) when DSM does not have this version.
              type: str
              sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
        findings:
          description: IDs of the findings about this key, sorted.
          type: list
          elements: str
          sample: [key-expires-soon]
    findings:
      description:
        - Findings about the keys, the most severe first, one for each kind. Same keys as
          RV(fortanix.dsm.azure_kv_prereqs_info#module:findings).
      type: list
      elements: dict
    counts:
      description: Numbers of keys.
      type: dict
      contains:
        in_dsm:
          description: Records in DSM that are not deleted.
          type: int
          sample: 12
        in_azure:
          description: Live keys in the vault that Azure does not manage for a certificate.
          type: int
          sample: 12
        hsm_platforms:
          description: Number of live keys in the vault on each HSM platform, by the platform.
          type: dict
    not_read:
      description: What could not be read. Empty when everything was.
      type: list
      elements: dict
      contains:
        what:
          description:
            - V(vault), V(deleted_keys), V(versions), V(public_keys), V(rotation_policies), V(sources), or V(keys).
          type: str
          sample: deleted_keys
        reason:
          description: Why it was not read.
          type: str
"""

from ..module_utils._operations import cdc_key_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_key_info)


if __name__ == "__main__":
    main()
