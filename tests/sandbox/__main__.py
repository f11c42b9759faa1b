# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m sandbox`: the simulated services for people, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from .authorities import write_privately
from .azure.rights.local_roles import CRYPTO_USER
from .rehearsal.files import ENVIRONMENT, VARIABLES, exports, write_files
from .sandbox import Sandbox, State
from .world import AzureView, VaultView, World

SOURCE_GROUP, SOURCE_KEY = "key-sources", "orders-master"
CRYPTO_AUDITOR = "Managed HSM Crypto Auditor"
OPERATOR_ON_KEYS = ("get", "list", "update", "getrotationpolicy")
"""What `cdc_key` and `cdc_key_info` need: the role Owner has no permission on keys."""


def main() -> None:
    options = _options()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    started = Sandbox.start(groups=options.groups, port=options.port, directory=options.directory, empty=options.empty)
    with started as sandbox:
        sandbox.do(lambda state: prepare_keys(state, sandbox.world))
        if options.direct_port is not None:
            print(_direct_part(sandbox, sandbox.listen_directly(options.direct_port)))
        environment = sandbox.environment()
        written = write_files(sandbox.directory, environment, sandbox.world.public, sandbox.control_url)
        if options.export_file:
            write_privately(options.export_file, exports(environment))
            written.append(options.export_file)
        print(welcome(sandbox), flush=True)
        done.wait()
        for path in written:
            path.unlink(missing_ok=True)


def prepare_keys(state: State, world: World) -> None:
    """What docs/keys.md starts from: a key that can be copied, and an operator with permissions on the keys."""
    state.dsm.add_source_key(state.dsm.add_group(SOURCE_GROUP).group_id, SOURCE_KEY, size=3072)
    for view, cloud in ((world.public, state.azure.public), (world.government, state.azure.government)):
        for vault in (one for one in view.vaults.values() if not one.name.endswith("-other")):
            cloud.add_access_policy(vault.name, view.operator_object_id, OPERATOR_ON_KEYS)
        for pool in view.managed_hsms.values():
            cloud.assign_local_role(pool.name, view.operator_object_id, CRYPTO_USER)
            cloud.assign_local_role(pool.name, view.operator_object_id, CRYPTO_AUDITOR)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port of the CONNECT proxy (default: any free one)")
    parser.add_argument(
        "--directory",
        type=lambda text: Path(text).resolve(),
        metavar="PATH",
        help="where the CA bundle and the files for other shells go (default: a temporary directory)",
    )
    parser.add_argument(
        "--direct-port",
        type=int,
        metavar="N",
        help="a port for clients that know no proxies, best 443; 0: any free one",
    )
    parser.add_argument("--groups", type=int, default=0, metavar="N", help="seed N extra groups in the DSM account")
    parser.add_argument(
        "--empty", action="store_true", help="subscriptions that hold nothing: no application of DSM, no vault"
    )
    parser.add_argument(
        "--export-file", type=Path, metavar="PATH", help="write the export lines to a file (mode 0600) too"
    )
    return parser.parse_args()


def welcome(sandbox: Sandbox) -> str:
    world, directory = sandbox.world, sandbox.directory
    ready = [f"  . {directory / ENVIRONMENT}"]
    if world.public.client_id:
        ready.append(f"  ansible-playbook fortanix.dsm.setup -e @{directory / VARIABLES}")
    parts = [
        "The sandbox is up: simulated Fortanix DSM and Azure, reachable through a proxy on this machine only.",
        f"  proxy      {sandbox.proxy_url}",
        f"  CA bundle  {sandbox.ca_bundle}",
        f"  journal    {sandbox.control_url}/journal   ({sandbox.control_url}/ tells more)",
        _dsm_part(world),
        _azure_part("Azure (global)", world.public),
        _azure_part("Azure for US Government", world.government),
        "In another shell:\n",
        *ready,
        "\nTo break something on purpose: make sandbox-break WHAT=..., without WHAT it lists what there is.",
        "Ctrl-C ends it. Every id and secret above is made anew at each start.",
    ]
    return "\n".join(parts)


def _dsm_part(world: World) -> str:
    people = (
        ("administrator", world.administrator),
        ("auditor", world.auditor),
        ("two accounts", world.two_account_user),
    )
    lines = [
        f"\nFortanix DSM   {world.dsm_endpoint}",
        f"  account        {world.account_name} ({world.account_id})",
        f"  admin app      {world.admin_app.api_key}",
        f"  crypto app     {world.crypto_app.api_key}",
        f"  certificate    {world.cert_app.certificate_path}  of the app {world.cert_app.app_id}",
        f"                 {world.cert_app.key_path}",
        *(f"  {role:<14} {person.email}  password {person.password}" for role, person in people),
        f"  source key     {SOURCE_KEY}  in the group {SOURCE_GROUP}: RSA 3072, can be copied into a vault",
    ]
    return "\n".join(lines)


def _direct_part(sandbox: Sandbox, port: int) -> str:
    lines = [f"Clients that know no proxies find all services on 127.0.0.1:{port}, by these lines of a hosts file:"]
    return "\n".join([*lines, *(f"  127.0.0.1 {host}" for host in sandbox.hosts())]) + "\n"


def _use(store: VaultView) -> str:
    """What works with a vault or pool of the initial state."""
    if store.name.endswith("-other"):
        return "of another team: the application has no permission"
    if store.type == "MANAGED":
        # The permissions of the local role Managed HSM Crypto User.
        return "keys/recover and keys/purge are missing: set groups up with cdc_setup_repair_prerequisites: true"
    return "prepared: groups can be set up, tested and synced"


def _azure_part(title: str, view: AzureView) -> str:
    application = [
        f"  client         {view.client_id}",
        f"  client secret  {view.client_secret}",
    ]
    lines = [
        f"\n{title}",
        f"  tenant         {view.tenant_id}",
        *(application if view.client_id else ["  no application and no vault: the subscription is empty"]),
        f"  operator       {view.operator_client_id}  (Owner of the subscription, prepares Azure)",
        f"  its secret     {view.operator_client_secret}",
        f"  subscription   {view.subscription_id}",
        *(f"  vault          {vault.uri}  {vault.type}  {_use(vault)}" for vault in view.vaults.values()),
        *(f"  managed HSM    {pool.uri}  {pool.type}  {_use(pool)}" for pool in view.managed_hsms.values()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
