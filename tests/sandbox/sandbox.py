# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox as one object: starts everything in a background thread, hands out what clients need, stops it again."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import tempfile
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from . import control
from .authorities import Authorities, authorities, write_privately
from .azure.arm.app import arm_application
from .azure.data_plane.key_vault import key_vault_application
from .azure.data_plane.managed_hsm import managed_hsm_application
from .azure.entra.app import entra_application
from .azure.graph.app import graph_application
from .azure.service import Service
from .azure.state import AzureState
from .clock import Clock
from .direct import Direct
from .dsm.app import application as dsm_application
from .dsm.context import Dsm
from .dsm.state import DsmState
from .faults import Faults
from .fronts import Fronts
from .journal import Journal
from .network import Address, Network
from .profiles import Profile
from .proxy import Proxy, ProxyEntry
from .rehearsal.breaks import Scene
from .rehearsal.stage import Rehearsal
from .runtime import Runtime
from .snapshot import Snapshot
from .wire import Listener
from .world import DSM_HOST, AzureView, World, build

T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """The live state objects, to be touched in the sandbox's thread only (`Sandbox.do`)."""

    dsm: DsmState
    azure: AzureState


class Sandbox:
    """Simulated DSM and Azure on loopback. `Sandbox.start()` gives a running one."""

    def __init__(self, profile: Profile, groups: int, port: int, directory: Path | None, *, empty: bool) -> None:
        self._authorities = authorities()
        self._runtime = Runtime(profile, self._authorities.global_roots_pem())
        self._own_directory = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="fortanix-dsm-sandbox-"))
        self._dsm_context = self._authorities.dsm_context(DSM_HOST)
        dsm = DsmState(self._runtime.clock, lambda der: self._dsm_context.load_verify_locations(cadata=der))
        self._state = State(dsm, AzureState.fresh(self._runtime.clock, lambda: self._runtime.profile))
        self.world: World = build(self._state.dsm, self._state.azure, groups, self.directory, empty=empty)
        self._bundle = self.directory / "ca.pem"
        self._wanted_port = port
        self._listeners: dict[Address, Listener] = {}
        self._proxy = Proxy(self._runtime.network, self._runtime.origins, self._listeners)
        self._direct: Direct | None = None
        self.fronts = Fronts(self._authorities, self._runtime, self._run)
        """What stands between DSM and Azure: TLS fronts and failing names."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)

    @classmethod
    def start(
        cls,
        profile: Profile | None = None,
        groups: int = 0,
        port: int = 0,
        directory: str | Path | None = None,
        *,
        empty: bool = False,
    ) -> Self:
        """Build the start-up world and listen.

        `groups` extra local groups are seeded, `port` is the proxy's. With `empty` there are tenant, subscription,
        resource group and operator in each cloud, and neither the application of DSM nor a vault or managed HSM.
        """
        sandbox = cls(profile or Profile(), groups, port, Path(directory) if directory else None, empty=empty)
        sandbox._thread.start()
        try:
            sandbox._run(sandbox._open())
        except BaseException:
            sandbox.stop()
            raise
        return sandbox

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close all listeners and remove the directory if it is the sandbox's own. May be called twice."""
        if self._thread.is_alive():
            self._run(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        self.world.cert_app.key_path.unlink(missing_ok=True)
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    # What clients and tests use ------------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """The variables that lead a client into the sandbox; to be merged over its environment."""
        proxy, bundle = self.proxy_url, str(self._bundle)
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "",
            "no_proxy": "",
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "CURL_CA_BUNDLE": bundle,
            "DSM_ENDPOINT": self.world.dsm_endpoint,
            "DSM_API_KEY": self.world.admin_app.api_key,
            **self.operator_environment(self.world.public),
        }

    @staticmethod
    def operator_environment(azure: AzureView) -> dict[str, str]:
        """The login of the operator of one cloud, in the variables of Azure's SDK."""
        return {
            "AZURE_CLOUD_ENVIRONMENT": azure.cloud_name,
            "AZURE_TENANT_ID": azure.tenant_id,
            "AZURE_CLIENT_ID": azure.operator_client_id,
            "AZURE_CLIENT_SECRET": azure.operator_client_secret,
            "AZURE_SUBSCRIPTION_ID": azure.subscription_id,
        }

    def listen_directly(self, port: int = 0) -> int:
        """Open a port for clients that know no proxies, for all names; the port."""
        direct = Direct(self._runtime.network, self._runtime.origins, self._listeners)

        async def start() -> int:
            return direct.start(port)

        opened = self._run(start())
        self._direct = direct
        return opened

    def hosts(self) -> list[str]:
        """The names that lead into the sandbox now, for a hosts file. A new vault brings a new one."""
        return self.do(_hosts)

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self._proxy_port}"

    @property
    def ca_bundle(self) -> Path:
        return self._bundle

    @property
    def control_url(self) -> str:
        return f"http://{self._control.host}:{self._control.port}"

    @property
    def journal(self) -> Journal:
        return self._runtime.journal

    @property
    def proxy_log(self) -> list[ProxyEntry]:
        return self._proxy.log.entries()

    @property
    def faults(self) -> Faults:
        return self._runtime.faults

    @property
    def clock(self) -> Clock:
        return self._runtime.clock

    @property
    def profile(self) -> Profile:
        return self._runtime.profile

    @profile.setter
    def profile(self, profile: Profile) -> None:
        self._runtime.profile = profile

    @property
    def network(self) -> Network:
        """The name table of the clients' proxy."""
        return self._runtime.network

    @property
    def dsm_network(self) -> Network:
        """The name table of DSM's egress; a name published here shadows the common one."""
        return self._runtime.dsm_network

    @property
    def dsm_egress_address(self) -> str:
        """The public address with which DSM is seen by firewalls and conditional access."""
        return self._runtime.origins.addresses["dsm"]

    @property
    def client_address(self) -> str:
        """The public address with which clients are seen, which come through the proxy."""
        return self._runtime.origins.addresses["client"]

    @property
    def authorities(self) -> Authorities:
        return self._authorities

    @property
    def crashes(self) -> list[BaseException]:
        """Defects of the sandbox itself that were answered with 500; a test run wants none."""
        return list(self._runtime.crashes)

    def do(self, action: Callable[[State], T]) -> T:
        """Run `action` on the live state in the sandbox's thread and return its result."""
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(action(self._state))
            except BaseException as error:
                result.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return result.result()

    def snapshot(self) -> Snapshot:
        """The state of all services as it is now, with clock, profile and faults; without journal and network."""
        return self.do(self._taken)

    def _taken(self, state: State) -> Snapshot:
        runtime = self._runtime
        return Snapshot((state, runtime.clock, runtime.faults), ((runtime, "profile"),))

    def restore(self, snapshot: Snapshot) -> None:
        """Put back a state of this sandbox, in place. No request may be under way."""
        self.do(lambda _state: snapshot.restore())

    # Life cycle ------------------------------------------------------------------------------------------------------

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _open(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._authorities.write_bundle(self._bundle)
        app = self.world.cert_app
        app.certificate_path.write_text(app.certificate_pem)
        write_privately(app.key_path, app.key_pem)
        dsm = Dsm(self._state.dsm, self._runtime)
        self._runtime.network.publish(DSM_HOST, self._serve(lambda: dsm_application(dsm), lambda: self._dsm_context))
        for cloud in self._state.azure.clouds:
            self._open_cloud(Service(cloud, self._runtime))
        self._proxy_port = self._proxy.start(self._wanted_port)
        scene = Scene(self._state.azure.public, self._state.dsm, self.faults, self.world.public)
        rehearsal = Rehearsal(scene, lambda: self._taken(self._state))
        self._control = self._serve(lambda: control.application(self.journal, self._proxy.log.entries, rehearsal), None)

    def _open_cloud(self, service: Service) -> None:
        """One listener for each service of a cloud; the names of vaults and pools exist as long as they do."""
        cloud, network = service.state.cloud, self._runtime.network
        for host, application in (
            (cloud.login_host, entra_application),
            (cloud.management_host, arm_application),
            (cloud.graph_host, graph_application),
        ):
            network.publish(host, self._serve_azure(partial(application, service), host))
        for suffix, application, exists in (
            (cloud.vault_suffix, key_vault_application, service.state.host_exists),
            (cloud.hsm_suffix, managed_hsm_application, service.state.hsm_host_exists),
        ):
            address = self._serve_azure(partial(application, service), f"*.{suffix}")
            network.publish_zone(f".{suffix}", address, exists)

    def _serve_azure(self, application: Callable[[], web.Application], host: str) -> Address:
        return self._serve(application, partial(self._authorities.azure_context, host))

    def _serve(
        self, application: Callable[[], web.Application], context: Callable[[], ssl.SSLContext] | None
    ) -> Address:
        listener = Listener(application, context)
        self._listeners[listener.address] = listener
        return listener.address

    async def _close(self) -> None:
        await self._proxy.stop()
        if self._direct is not None:
            await self._direct.stop()
        await self.fronts.close()
        await asyncio.gather(*(listener.close() for listener in self._listeners.values()))
        # What still answered somebody ends before the loop does.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _hosts(state: State) -> list[str]:
    names = [DSM_HOST]
    for cloud in state.azure.clouds:
        names += [cloud.cloud.login_host, cloud.cloud.management_host, cloud.cloud.graph_host]
        stores = [*cloud.vaults.values(), *cloud.managed_hsms.values()]
        names += [urlsplit(store.uri).hostname or "" for store in stores]
    return names
