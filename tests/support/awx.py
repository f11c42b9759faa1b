# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWX does with a job, without AWX: it renders credentials and lays out a directory; ansible-runner does the rest.

A job is transmitted, worked off in an execution environment, and processed, as between AWX and a node. The execution
environment is a Python environment here and no container. What AWX keeps of a job is what :class:`Job` holds.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import ansible_runner
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

HIDDEN = "**********"


class Tagged(str):
    """A text with the tag ``!unsafe``, which Ansible does not take for a template."""


class Loader(yaml.SafeLoader):
    """Reads the vars files of Ansible."""


class Dumper(yaml.SafeDumper):
    """Writes the extra variables of a job as AWX does: none of them is a template."""


Loader.add_constructor("!unsafe", lambda loader, node: str(loader.construct_scalar(node)))
Dumper.add_representer(Tagged, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


@dataclass
class Injected:
    """What a credential adds to a job: variables, and the same as AWX shows them."""

    env: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def __or__(self, other: Injected) -> Injected:
        return Injected(self.env | other.env, self.shown | other.shown, self.files | other.files)


def inject(credential_type: Mapping[str, Any], inputs: Mapping[str, str], env_directory: Path) -> Injected:
    """A credential of a custom type.

    Fields that are not given are undefined in the templates, each file is written though it may be empty, and the
    variables as they are shown come from the same templates with secrets replaced.

    Args:
        env_directory: where the job will find the files, as seen by the job.
    """
    secret = {one["id"] for one in credential_type["inputs"]["fields"] if one.get("secret")}
    given = {name: value for name, value in inputs.items() if value}
    templates = ImmutableSandboxedEnvironment()
    files: dict[str, str] = {}
    paths: dict[str, str] = {}
    for label, template in credential_type["injectors"].get("file", {}).items():
        name = label.partition(".")[2]
        files[f"tmp_{name}"] = templates.from_string(template).render(given)
        paths[name] = str(env_directory / f"tmp_{name}")
    tower = {"tower": {"filename": paths}}
    hidden = {name: HIDDEN if name in secret else value for name, value in given.items()}
    env, shown = (
        {
            name: templates.from_string(template).render(values | tower)
            for name, template in credential_type["injectors"]["env"].items()
        }
        for values in (given, hidden)
    )
    return Injected(env, shown, files)


def azure_resource_manager(
    client_id: str, secret: str, tenant: str, subscription: str, cloud: str = "AzureCloud"
) -> Injected:
    """A credential of AWX's own type Microsoft Azure Resource Manager, with a service principal."""
    env = {
        "AZURE_CLIENT_ID": client_id,
        "AZURE_SECRET": secret,
        "AZURE_TENANT": tenant,
        "AZURE_SUBSCRIPTION_ID": subscription,
        "AZURE_CLOUD_ENVIRONMENT": cloud,
    }
    return Injected(env, env | {"AZURE_SECRET": HIDDEN})


@dataclass(frozen=True)
class Job:
    """A finished job. ``shown_env``: what AWX keeps of its environment; ``home``: of the user on the node."""

    status: str
    rc: int
    events: Sequence[Mapping[str, Any]]
    shown_env: Mapping[str, str]
    command: Sequence[str]
    directory: Path
    home: Path

    @property
    def artifacts(self) -> Mapping[str, Any]:
        """What ``set_stats`` has kept."""
        (last,) = [one for one in self.events if one["event"] == "playbook_on_stats"]
        kept: Mapping[str, Any] = last["event_data"].get("artifact_data") or {}
        return kept

    @property
    def output(self) -> str:
        return "\n".join(one.get("stdout") or "" for one in self.events)

    @property
    def changed(self) -> list[str]:
        """The tasks that have changed something."""
        done = [one["event_data"] for one in self.events if one["event"] == "runner_on_ok"]
        return [one["task"] for one in done if one["res"].get("changed")]

    @property
    def texts(self) -> dict[str, str]:
        """Everything that there is of the job when it is done, by where it is: AWX's record, and files that are left.

        ansible-runner writes the environment into the file ``command``, credentials included. AWX removes it with the
        directory of the job; here it counts without the environment.
        """
        files = [path for folder in (self.directory, self.home) for path in folder.rglob("*") if path.is_file()]
        (command,) = [path for path in files if path.name == "command"]
        return {
            **{str(path): path.read_text(encoding="utf-8", errors="replace") for path in files if path != command},
            **{f"name of {path}": str(path) for path in files},
            **{f"event {number}": str(event) for number, event in enumerate(self.events)},
            **{f"variable {name}": value for name, value in self.shown_env.items()},
            "command": json.dumps({**json.loads(command.read_text(encoding="utf-8")), "env": None}),
            "arguments": " ".join(self.command),
        }


@dataclass(frozen=True)
class Awx:
    """``environment``: the bin folder of the execution environment; ``task_env``: AWX's setting AWX_TASK_ENV."""

    environment: Path
    collections: Path
    scratch: Path
    task_env: Mapping[str, str]

    def directory(self, number: int) -> Path:
        """Where job ``number`` has its directory in the execution environment, /runner in a container."""
        return self.scratch / f"runner-{number}"

    def launch(
        self,
        number: int,
        playbook: str,
        *,
        credentials: Injected,
        job_type: str = "run",
        extra_vars: Mapping[str, Any] | None = None,
        inventory: Mapping[str, Any] | None = None,
        verbosity: int = 3,
    ) -> Job:
        """Run a playbook of the project. The job's status is ``successful`` or ``failed``."""
        sent = self.scratch / f"awx-{number}"
        self._lay_out(sent, number, credentials, job_type, extra_vars or {}, inventory or {}, verbosity)
        parameters = {
            "ident": number,
            "playbook": playbook,
            # In the folder `inventory`; a path that leads there would be taken for the text of an inventory.
            "inventory": "hosts",
            "suppress_env_files": True,
            "envvars": self._variables(number, credentials),
        }
        # A file: ansible-runner asks its stream for a name.
        with tempfile.TemporaryFile() as stream:
            ansible_runner.interface.run(streamer="transmit", _output=stream, private_data_dir=str(sent), **parameters)
            stream.seek(0)
            answer = self._work(number, stream)
        # The directory in which the job was laid out is gone by then; what comes back is kept.
        shutil.rmtree(sent)
        events: list[dict[str, Any]] = []
        started: dict[str, Any] = {}

        def keep(event: dict[str, Any]) -> bool:
            events.append(event)
            return True

        def note(status: Mapping[str, Any], runner_config: Any) -> None:
            if status["status"] == "starting":
                started.update(command=runner_config.command, env=dict(runner_config.env))

        done = ansible_runner.interface.run(
            streamer="process",
            quiet=True,
            _input=io.BytesIO(answer),
            private_data_dir=str(sent),
            event_handler=keep,
            status_handler=note,
            **parameters,
        )
        shown = {**started["env"], **credentials.shown}
        # The exit status comes back as a file: the object has none after `process`.
        rc = int((sent / "artifacts" / str(number) / "rc").read_text(encoding="utf-8"))
        return Job(done.status, rc, events, shown, started["command"], sent, self._home(number))

    def inventory(self, source: str, credential: Injected, *, number: int) -> dict[str, Any]:
        """The update of an inventory from a source of the project: what the plugin says."""
        (directory := self.directory(number) / "env").mkdir(parents=True)
        for name, text in credential.files.items():
            write(directory / name, text)
        done = subprocess.run(
            [self.environment / "ansible-inventory", "-i", self._collection / source, "--list", "--export"],
            env={**self._environment(number), **self._variables(number, credential)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        shutil.rmtree(self.directory(number))
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    @property
    def _collection(self) -> Path:
        return self.collections / "ansible_collections" / "fortanix" / "dsm"

    def _home(self, number: int) -> Path:
        return self.scratch / f"home-{number}"

    def _environment(self, number: int) -> dict[str, str]:
        """What there is on a node without any job."""
        home = self._home(number)
        home.mkdir()
        path = os.pathsep.join([str(self.environment), os.environ["PATH"]])
        return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8"}

    def _variables(self, number: int, credentials: Injected) -> dict[str, str]:
        return {
            **self.task_env,
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "JOB_ID": str(number),
            **credentials.env,
        }

    def _lay_out(
        self,
        target: Path,
        number: int,
        credentials: Injected,
        job_type: str,
        extra_vars: Mapping[str, Any],
        inventory: Mapping[str, Any],
        verbosity: int,
    ) -> None:
        env = target / "env"
        env.mkdir(parents=True)
        (target / "inventory").mkdir()
        # The project is a clone of the collection, of which jobs take the pattern.
        pattern = Path("extensions") / "patterns"
        shutil.copytree(self._collection / pattern, target / "project" / pattern)
        for name, text in credentials.files.items():
            write(env / name, text)
        given = {"awx_job_id": number, "tower_job_id": number, **extra_vars}
        answers = {name: Tagged(value) if isinstance(value, str) else value for name, value in given.items()}
        write(env / "extravars", yaml.dump(answers, Dumper=Dumper))
        command = ["--check"] * (job_type == "check") + ["-u", "root", "--diff"]
        write(env / "cmdline", " ".join([*command, *(["-" + "v" * verbosity] if verbosity else [])]))
        write(env / "settings", json.dumps({"suppress_ansible_output": True, "suppress_output_file": False}))
        hosts = json.dumps(inventory or {"_meta": {"hostvars": {}}})
        write(target / "inventory" / "hosts", f"#! /usr/bin/env python3\nprint({hosts!r})\n", mode=0o700)

    def _work(self, number: int, stream: IO[bytes]) -> bytes:
        """What the node does: it has only the stream, and what is in the execution environment."""
        environment = self._environment(number)
        directory = self.directory(number)
        done = subprocess.run(
            [self.environment / "ansible-runner", "worker", "--private-data-dir", str(directory), "--delete"],
            stdin=stream,
            env=environment,
            cwd=environment["HOME"],
            capture_output=True,
            timeout=300,
            check=False,
        )
        assert not directory.exists()
        assert done.stderr == b"", done.stderr.decode()
        return done.stdout


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
