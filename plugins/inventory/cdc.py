# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cdc
short_description: Use the groups of Fortanix DSM as an inventory
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Creates a host for each group of Fortanix DSM, so that plays run once for each group.
  - The name of the configuration file must end in C(.fortanix_dsm.yml) or C(.fortanix_dsm.yaml).
  - All hosts are in the group C(cdc), with the connection V(local) and the Python that runs Ansible, because a group is
    not a machine. Do not add other hosts to the inventory of such a play, or set O(host_name=group_id). Otherwise a
    machine with the same name as a host of this inventory would become the same host.
  - A host has the variables C(cdc_group_id), C(cdc_group_name) (the name in DSM), C(cdc_description),
    C(cdc_custom_metadata), C(cdc_external_kms), and C(cdc_link), which are the keys of
    RV(fortanix.dsm.cdc_group#module:group). They contain no secrets.
  - Names and texts from DSM are never evaluated as templates.
extends_documentation_fragment:
  - fortanix.dsm.dsm
  - constructed
  - inventory_cache
options:
  plugin:
    description:
      - The name of this plugin.
    type: str
    required: true
    choices: [fortanix.dsm.cdc]
  host_name:
    description:
      - How hosts are named.
      - V(slug) is the name of the group in lower case, with a hyphen in place of characters other than ASCII letters
        and digits, and at most 63 characters long. If several groups would have the same host name, the group ID is
        appended to each of them. The same applies to names with a special meaning in Ansible, such as V(localhost).
      - V(group_id) is the ID of the group, which does not change when the group is renamed.
    type: str
    choices: [slug, group_id]
    default: slug
  kind:
    description:
      - Which groups to return. Those that are linked to Azure Key Vault, those that are linked to any external key
        management system, or all.
    type: str
    choices: [azure, external, all]
    default: azure
  dsm_endpoint:
    env:
      - name: DSM_ENDPOINT
      - name: FORTANIX_API_ENDPOINT
  dsm_account:
    env:
      - name: DSM_ACCT_ID
  dsm_ca_path:
    env:
      - name: DSM_CA_PATH
      - name: REQUESTS_CA_BUNDLE
notes:
  - The options that begin with C(dsm_) may be templates, such as a lookup of the API key.
  - The cache contains the records of groups, the address of DSM, and the name or ID of the DSM identity, but no secret.
    It is not used for another DSM identity, and not with an API key that does not contain the ID of its app.
seealso:
  - module: fortanix.dsm.cdc_group_info
  - plugin: fortanix.dsm.static_inventory
    plugin_type: filter
"""

EXAMPLES = r"""
# my.fortanix_dsm.yml. The DSM credentials are set in the environment (DSM_ENDPOINT, DSM_API_KEY).
plugin: fortanix.dsm.cdc
keyed_groups:
  # vault_akv_production, ...
  - prefix: vault
    key: cdc_link.vault.name
groups:
  government: cdc_link.azure_service == 'us_government'
compose:
  owner: cdc_custom_metadata.owner | default('nobody')

# With separate DSM credentials, and a cache.
# plugin: fortanix.dsm.cdc
# dsm_endpoint: https://dsm.example.com
# dsm_api_key: "{{ lookup('ansible.builtin.file', '/run/secrets/dsm_api_key') }}"
# host_name: group_id
# cache: true
# cache_plugin: ansible.builtin.jsonfile
# cache_connection: /var/cache/ansible/cdc
"""

import sys
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ..module_utils._errors import TaskError
from ..module_utils._operations import cdc_group_info
from ..module_utils._texts.plain import readable
from ..plugin_utils import _in_process
from ..plugin_utils._inventory import ALL_GROUPS, Host, cache_owner, hosts
from ..plugin_utils._unsafe import unsafe


# ansible-core has no type information.
class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    NAME = "fortanix.dsm.cdc"

    def verify_file(self, path: str) -> bool:
        return super().verify_file(path) and path.endswith((".fortanix_dsm.yml", ".fortanix_dsm.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        config = self._read_config_data(path)
        try:
            found = hosts(self._groups(path, config, may_read_cache=cache), self.get_option("host_name"))
        except (TaskError, _in_process.Failure) as error:
            raise AnsibleParserError(f"fortanix.dsm.cdc: {error}") from None
        self.inventory.add_group(ALL_GROUPS)
        self.inventory.set_variable(ALL_GROUPS, "ansible_connection", "local")
        self.inventory.set_variable(ALL_GROUPS, "ansible_python_interpreter", sys.executable)
        for host in found:
            self._add(host)

    def _groups(self, path: str, config: Mapping[str, Any], *, may_read_cache: bool) -> list[dict[str, Any]]:
        """The records of the groups, from the cache if that is allowed and belongs to this DSM identity."""
        options = self._options_of_operation(config)
        invocation = _in_process.completed(cdc_group_info, options, self.display.verbosity)
        owner = cache_owner(invocation.params) if self.get_option("cache") else None
        key = self.get_cache_key(path)
        if owner is not None and may_read_cache:
            try:
                cached = self._cache[key]
            except KeyError:
                cached = None
            if isinstance(cached, Mapping) and cached.get("owner") == owner:
                return list(cached["groups"])
        groups: list[dict[str, Any]] = readable(_in_process.run(invocation, self.display)["groups"])
        if owner is not None:
            self._cache[key] = {"owner": owner, "groups": groups}
        return groups

    def _options_of_operation(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The operation's options that are set; those in the file may be templates."""
        names = [name for name in cdc_group_info.SPEC.argument_spec if name == "kind" or name.startswith("dsm_")]
        options = {name: self.get_option(name) for name in names}
        # Ansible treats an empty environment variable as a value. AWX sets one for a field that was left empty.
        options = {name: value for name, value in options.items() if name in config or value != ""}
        given = {name: value for name, value in options.items() if name in config and isinstance(value, str)}
        return {**options, **{name: self.templar.template(value) for name, value in given.items()}}

    def _add(self, host: Host) -> None:
        strict = self.get_option("strict")
        variables = unsafe(host.variables)
        self.inventory.add_host(host.name, group=ALL_GROUPS)
        for name, value in variables.items():
            self.inventory.set_variable(host.name, name, value)
        self._set_composite_vars(self.get_option("compose"), variables, host.name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host.name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host.name, strict=strict)
