#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_key
short_description: Create, change, delete, recover or purge a key in the vault of a CDC group of Fortanix DSM
version_added: 0.1.0
description:
  - Creates one key in the vault of a group that is linked to Azure Key Vault, through DSM. The key material is a copy
    of a key in DSM (bring your own key), or is generated in Azure.
  - Of a key that exists, only attributes are changed. Its material, origin and protection never are, and a new version
    is never created.
  - Key material never reaches the control node. DSM transfers a copy to Azure itself.
  - A key that DSM does not have is foreign and is not changed, unless O(adopt=true), or its public key shows that it is
    a copy of O(source).
  - What DSM does not pass on to Azure is written there with the operator credentials. What DSM passes on is not public.
  - After each write, both sides are read again. The task fails if they do not have what was requested. What could not
    be compared is in RV(unverified).
  - A key is deleted, purged and removed from DSM step by step, with O(state). Azure deletes and purges it with all its
    versions. A foreign key, and the key of a certificate, is never deleted or purged.
  - DSM passes these steps on to Azure. Its API does not describe the requests for that. If a DSM does not have them,
    the task does the same in Azure with the operator credentials, or fails and explains it.
  - A request to create a key is never repeated, because each one creates a version. When its response is lost, the task
    searches for the key.
  - C(docs/keys.md) in the collection describes the life of a key.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.dsm
  - fortanix.dsm.approval
  - fortanix.dsm.group_selection
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the status it would have without changing anything.
    support: partial
    details:
      - When a sync must come first, its result is not known in check mode, and RV(prediction) is V(unknown). This is so
        for a new key with O(look_in_azure=false), and for a key whose current version DSM does not have.
      - RV(plan) has no step in Azure for attributes that DSM has to change first, because DSM may pass them on.
        C(diff) contains them.
  diff_mode:
    description: Returns what has changed, or would change, when in C(diff) mode. Secrets are never part of it.
    support: full
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: full
options:
  name:
    description:
      - Name of the key in the vault. 1 to 127 letters, digits and hyphens. Compared without letter case.
    type: str
    required: true
  dsm_name:
    description:
      - Name of the key in DSM, for a key that is created. Names are unique in an account, and the task fails if another
        object has it. When not set, O(name) is used.
    type: str
  state:
    description:
      - V(present) creates the key if it does not exist, and keeps the attributes that are set. All other options about
        the key, apart from O(name), are ignored with the other states.
      - V(deleted) soft-deletes a live key with all its versions. The vault keeps it until its retention ends.
      - V(purged) destroys a soft-deleted key for ever. Requires O(confirm_purge). A live key is refused, unless
        O(allow_skip=true).
      - V(absent) removes the records of a purged key from DSM. A live or soft-deleted key is refused, because each step
        is a decision of its own.
      - A key that has gone further is left as it is.
    type: str
    choices: [present, deleted, purged, absent]
    default: present
  confirm_purge:
    description:
      - O(name) again. Required with O(state=purged), and refused with other states. Compared without letter case.
    type: str
  allow_skip:
    description:
      - Whether O(state=purged) may delete and purge a live key in one task. Refused with other states.
    type: bool
    default: false
  on_soft_deleted:
    description:
      - What O(state=present) does with a soft-deleted key. V(fail) fails with the date on which the vault purges it.
      - V(recover) recovers it with all its versions, and then changes what differs. Nothing is recovered that cannot
        become as requested.
    type: str
    choices: [fail, recover]
    default: fail
  allow_recreate:
    description:
      - Whether O(state=present) may copy a purged key again, with O(origin=copy). The records of the purged key are
        removed from DSM, because their name is taken otherwise. The new key has a new version.
      - Data that only the old version can decrypt can be decrypted again, if the source has the same key material.
    type: bool
    default: false
  consumers:
    description:
      - What to do if Azure resources use the key, or if it is unknown whether they do. They are searched with the
        operator credentials, as by M(fortanix.dsm.cdc_key_consumers_info), before a key is deleted, purged, or disabled
        with O(enabled=false).
      - V(refuse) fails, V(warn) warns and goes on, V(skip) does not search.
      - V(auto) is V(refuse) for a purge, and V(warn) otherwise.
      - Without operator credentials, and if a part could not be searched, it is unknown.
      - That nothing was found does not mean that the key is not in use. See RV(consumers.blind_spots).
    type: str
    choices: [auto, refuse, warn, skip]
    default: auto
  wait:
    description:
      - Seconds to wait until Azure has completed a deletion, purge or recovery. It takes some seconds, and other
        requests for the key are refused until then.
      - From V(0) to V(86400).
    type: int
    default: 120
  origin:
    description:
      - Where the key material is from. Required to create a key.
      - V(copy) copies the material of O(source) into the vault.
      - V(azure) has Azure generate the material. DSM does not have it.
      - The task fails if a key that exists has another origin. When not set, the origin is not checked.
    type: str
    choices: [copy, azure]
  source:
    description:
      - The key in DSM that is copied. Required with O(origin=copy).
      - It must be in the state Active, enabled, exportable, and an RSA key with 2048, 3072 or 4096 bits or an EC key on
        one of the curves of O(curve).
      - When the source has been rotated since the copy, the vault keeps the material of the previous key.
        M(fortanix.dsm.cdc_key_info) reports this.
    type: dict
    suboptions:
      kid:
        description:
          - DSM's ID of the key.
          - Exactly one of O(source.kid) and O(source.name) is required.
        type: str
      name:
        description:
          - Name of the key in DSM.
          - Exactly one of O(source.kid) and O(source.name) is required.
        type: str
  type:
    description:
      - Type of the key. Required to create a key with O(origin=azure). A copy has the type of its source.
    type: str
    choices: [RSA, EC]
  size:
    description:
      - Size of an RSA key in bits. Required to create one with O(origin=azure).
    type: int
    choices: [2048, 3072, 4096]
  curve:
    description:
      - Curve of an EC key. Required to create one with O(origin=azure).
    type: str
    choices: [P-256, P-384, P-521, P-256K]
  protection:
    description:
      - Whether V(software) or an HSM (V(hsm)) protects the key in Azure. Required to create a key in a Premium vault.
        All keys of a Standard vault are protected by software, and all keys of a Managed HSM by the HSM.
      - The task fails if a key that exists has another protection, also right after it was created.
    type: str
    choices: [software, hsm]
  operations:
    description:
      - Permitted operations. V(decrypt), V(encrypt), V(sign), V(unwrap_key), V(verify) and V(wrap_key). An EC key can
        only V(sign) and V(verify).
      - When not set, DSM decides for a new key.
    type: list
    elements: str
  enabled:
    description:
      - Whether the current version is enabled. Older versions are not changed, unless O(enabled_versions=all). A
        warning names those that stay enabled.
    type: bool
  enabled_versions:
    description:
      - Which versions O(enabled=false) disables. V(all) is for emergencies, such as leaked material.
      - With V(all), older versions are disabled first, through DSM. Versions of which DSM has no record, or that DSM
        does not disable in Azure, are disabled there with the operator credentials, which need C(keys/list) and
        C(keys/update). If one version fails, the others are disabled nevertheless, and the task fails then.
      - Without operator credentials, only the versions are disabled that DSM has, and RV(unverified) contains
        V(versions).
      - If nothing else is requested, the key is not synced before, and its origin is not checked.
      - V(all) is refused with O(enabled=true), because old versions may have been disabled for a reason.
    type: str
    choices: [current, all]
    default: current
  expires:
    description:
      - Expiry of the current version, as a date with a time in ISO 8601, in the future. Without a time zone, it is UTC.
      - An expiry can be changed, but not removed, neither in DSM nor in Azure.
      - Mutually exclusive with O(valid_days).
    type: str
  valid_days:
    description:
      - Days until a new version expires, counted from its creation, instead of O(expires).
      - A key that exists is not changed, not even if it has no expiry. Set O(expires) for that.
      - RV(plan), C(diff) and the planned key show the day only, because the time is that of the creation.
      - From V(1) to V(3650).
      - Mutually exclusive with O(expires).
    type: int
  not_before:
    description:
      - Time before which the current version cannot be used, in ISO 8601, not before 1970. DSM may refuse to change it
        for an active key.
    type: str
  tags:
    description:
      - All tags of the current version in Azure, apart from the reserved tag C(fortanix-dsm-source), which is kept.
        V({}) removes them.
      - At most 15. Names and values have at most 256 characters.
      - They are set with the operator credentials, because no way to set them by DSM is public. Therefore they require
        O(look_in_azure=true).
    type: dict
  description:
    description:
      - Description of the key in DSM. Empty to remove it.
    type: str
  metadata:
    description:
      - All entries of the custom metadata in DSM, apart from those that begin with C(azure-) or
        C(fortanix-dsm-ansible-). These are reserved and kept. V({}) removes the others.
      - Whether DSM removes entries is not public. If it does not, the task fails and names them.
      - Entries are in results and in the log. Do not store secrets in them.
    type: dict
  rotation_policy:
    description:
      - How often DSM rotates the key. Azure generates the material of each new version. Therefore it is refused for
        copies of keys in DSM, and for keys whose origin is unknown, unless O(origin=azure) and O(adopt=true).
      - The task fails if the key has a rotation policy in Azure by which Azure rotates it.
      - A policy cannot be removed by this module, because no way to do so is public.
    type: dict
    suboptions:
      interval_days:
        description:
          - Days between two rotations, from V(1) to V(3650).
          - Exactly one of O(rotation_policy.interval_days) and O(rotation_policy.interval_months) is required.
        type: int
      interval_months:
        description:
          - Months between two rotations, from V(1) to V(120).
          - Exactly one of O(rotation_policy.interval_days) and O(rotation_policy.interval_months) is required.
        type: int
      effective_at:
        description:
          - Time of the first rotation in ISO 8601. A time in the past is ignored, and not compared.
        type: str
  adopt:
    description:
      - Whether a key may be managed that somebody else has created in the vault. Its attributes are then changed as for
        other keys.
      - With O(origin=copy), its public key must nevertheless be that of the source.
    type: bool
    default: false
  look_in_azure:
    description:
      - Whether to read the key in the vault with the operator credentials, and to set there what DSM does not pass on.
      - They need the permission C(keys/get), C(keys/update) to set something, C(keys/list) to verify that a new key has
        no other version, and C(keys/getrotationpolicy) for O(rotation_policy). With V(false), no operator credentials
        are needed.
      - With V(false), the keys of the group are synced before a key is created, because the vault may have a key of
        this name that DSM does not have. DSM may not sync keys that are disabled or expired. Such a key is then not
        seen.
    type: bool
    default: true
  sync_timeout:
    description:
      - Seconds to wait for a sync. A sync takes longer the more keys the vault has.
      - From V(1) to V(86400).
    type: int
    default: 600
seealso:
  - module: fortanix.dsm.cdc_key_info
  - module: fortanix.dsm.cdc_sync
"""

EXAMPLES = r"""
- name: Copy a key of DSM into the vault, protected by an HSM
  fortanix.dsm.cdc_key:
    group_name: akv-production
    name: orders
    origin: copy
    source:
      name: orders-master
    protection: hsm
    operations: [wrap_key, unwrap_key]
    expires: "2031-01-01T00:00:00Z"
  register: orders

- name: Show the ID for Azure services that follow new versions
  ansible.builtin.debug:
    msg: "{{ orders.key.versionless_id }}"

- name: Have Azure generate a key
  fortanix.dsm.cdc_key:
    group_name: akv-production
    name: signing
    origin: azure
    type: EC
    curve: P-256
    protection: software

- name: Have DSM rotate a key that was generated in Azure, and describe it on both sides
  fortanix.dsm.cdc_key:
    group_name: akv-production
    name: signing
    rotation_policy:
      interval_months: 6
    description: Signs the invoices
    metadata:
      owner: finance
    tags:
      team: finance

- name: Delete a key, which the vault keeps until its retention ends
  fortanix.dsm.cdc_key:
    group_name: akv-production
    name: old-orders
    state: deleted

- name: Recover it
  fortanix.dsm.cdc_key:
    group_name: akv-production
    name: old-orders
    on_soft_deleted: recover

- name: Purge a deleted key for ever, if no resource is known to use it
  fortanix.dsm.cdc_key:
    group_name: akv-production
    name: retired
    state: purged
    confirm_purge: retired

- name: Remove the records of a purged key from DSM
  fortanix.dsm.cdc_key:
    group_name: akv-production
    name: retired
    state: absent

- name: Disable the current version of a key
  fortanix.dsm.cdc_key:
    group_name: akv-production
    name: signing
    enabled: false

- name: Disable all versions of a key whose material has leaked
  fortanix.dsm.cdc_key:
    group_name: akv-production
    name: signing
    enabled: false
    enabled_versions: all
"""

RETURN = r"""
key:
  description:
    - The key in its current version. In check mode, and while an approval is pending, the requested values of a key
      that is to be created. Values that are not known are V(null).
    - Values are those of the vault. When the vault was not read, those of DSM.
    - V(null) when neither side has the key, with O(state) other than V(present).
  returned: success
  type: dict
  contains:
    kid:
      description: DSM's ID of the record of the current version. V(null) for a key that does not exist yet.
      type: str
      sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
    dsm_name:
      description: Name in DSM. V(null) when DSM has no record.
      type: str
      sample: payments
    name:
      description: Name in the vault.
      type: str
      sample: payments
    versionless_id:
      description:
        - ID without a version. Azure services that take it follow new versions. V(null) while no vault is selected.
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
        - V(live) or V(disabled). V(planned) for a key that is to be created. V(soft_deleted), V(purged) or V(destroyed)
          for a key that was deleted or purged. In check mode also the other states of
          RV(fortanix.dsm.cdc_key_info#module:groups[].keys[].state), when a sync must come first.
      type: str
      sample: live
    type:
      description: V(RSA) or V(EC). V(null) when it is not known.
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
    recovery_level:
      description: Deletion recovery level of the key. V(null) when the vault was not read.
      type: str
      sample: Recoverable
    purge_date:
      description:
        - When the vault purges a soft-deleted key, UTC. V(null) for other keys, and when the vault was not read.
      type: str
      sample: "2027-02-26T08:00:00Z"
    tags:
      description: Tags of the current version. V(null) when the vault was not read.
      type: dict
      sample: {team: payments}
    description:
      description: Description in DSM. V(null) when DSM has no record.
      type: str
      sample: Signs the invoices
    metadata:
      description: Custom metadata in DSM, without the reserved entries. V(null) when DSM has no record.
      type: dict
      sample: {owner: finance}
    rotation_policy:
      description: DSM's rotation policy. V(null) for none.
      type: dict
      contains:
        interval_days:
          description: Days between two rotations. V(null) if they are counted in months.
          type: int
          sample: 90
        interval_months:
          description: Months between two rotations. V(null) if they are counted in days.
          type: int
          sample: 6
        effective_at:
          description: The first rotation, UTC. V(null) when DSM does not return it.
          type: str
          sample: "2027-09-01T08:00:00Z"
    next_rotation:
      description: When DSM rotates the key next, UTC. V(null) for never. In check mode the present value.
      type: str
      sample: "2027-09-01T08:00:00Z"
    origin:
      description:
        - V(copy) when the key material is from a key in DSM. V(azure) when this collection had Azure generate it.
          V(unknown) otherwise.
      type: str
      sample: copy
    source_kid:
      description: DSM's ID of the key that this key is a copy of. V(null) when it is no copy.
      type: str
      sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
    public_key_sha256:
      description:
        - SHA-256 of the public key of the current version (SubjectPublicKeyInfo in DER). V(null) when it was not read.
      type: str
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
unverified:
  description:
    - What was requested and could not be compared with the vault. V(material), or names of options. Empty when
      everything was.
    - V(versions) with O(enabled_versions=all), if the versions of the vault could not be listed.
    - V(versions) also when a key was created, and its versions could not be listed. Then it is not known whether
      somebody else has created a key of this name at the same time.
    - V(state) when the vault, or its deleted keys, could not be read. Then RV(key.state) is what DSM shows.
  returned: success
  type: list
  elements: str
  sample: [protection]
consumers:
  description:
    - The Azure resources that use the key. V(null) when they were not searched, because O(consumers=skip), or because
      the key is neither to be deleted nor purged nor disabled.
  returned: success
  type: dict
  contains:
    status:
      description:
        - V(found), V(none_found), or V(unknown) if nothing was found and not everything could be searched. As
          RV(fortanix.dsm.cdc_key_consumers_info#module:keys[].status).
      type: str
      sample: none_found
    found:
      description: The resources. Same keys as RV(fortanix.dsm.cdc_key_consumers_info#module:keys[].consumers).
      type: list
      elements: dict
    blind_spots:
      description: What no search covers.
      type: list
      elements: str
    gaps:
      description: What was to be searched and was not.
      type: list
      elements: dict
      contains:
        what:
          description: What it is, such as V(subscriptions), or V(operator) without operator credentials.
          type: str
          sample: subscriptions
        reason:
          description: Why.
          type: str
prediction:
  description:
    - V(unknown) when a sync must come first, but was not carried out because of check mode, or is pending approval.
    - V(null) otherwise.
  returned: success
  type: str
waits_for:
  description: What must exist first, when an earlier task has only planned the group. V(null) otherwise.
  returned: success
  type: str
group:
  description: The group. Same keys as RV(fortanix.dsm.cdc_group#module:group).
  returned: success
  type: dict
plan:
  description: The changes that the task made, or would make in check mode, in their order. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description:
        - Where the change is made. V(DSM), which may pass it on to Azure.
        - V(Azure) for attributes that DSM does not pass on, and for a key that was deleted, purged or recovered with
          the operator credentials, because DSM does not have the request for that.
      type: str
      sample: DSM
    object:
      description: The object that changes.
      type: str
      sample: key "payments" of group "akv-production"
    action:
      description: V(create), V(update), V(sync), V(delete), V(purge), V(recover), or V(remove) for the records in DSM.
      type: str
      sample: create
    before:
      description: The attributes that change, before.
      type: dict
    after:
      description: The same, after. Of a sync, numbers of keys, or C(keys=unknown), as after a deletion.
      type: dict
    reason:
      description: Why the change is made.
      type: str
pending:
  description:
    - Whether the change is pending approval. The key has not been changed then.
    - The task is C(changed) when it has filed the request, and not when it has found an existing one.
  returned: success
  type: bool
  sample: false
approval:
  description:
    - The approval request for the change. V(null) when no approval is required. Same keys as
      RV(fortanix.dsm.cdc_group#module:approval).
  returned: success
  type: dict
"""

from ..module_utils._operations import cdc_key
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_key)


if __name__ == "__main__":
    main()
