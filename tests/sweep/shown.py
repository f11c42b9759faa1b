# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs an operation for a user: what the task returns, writes to logs and prints, with the secrets that it used."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task
from ansible_collections.fortanix.dsm.plugins.plugin_utils._in_process import Invocation
from support.role_in_process import RoleRun
from support.worlds import Call, Job, Reply, World

# Members of requests and answers that hold a credential.
_SECRET_MEMBERS = re.compile(
    rb'"(?:client_secret|client_key|secret_key|secretText|access_token|client_assertion)"\s*:\s*"([^"]{16,})"'
)
_SECRET_FIELDS = re.compile(rb"(?:client_secret|client_assertion)=([^&\s]{16,})")
# So much of a secret is one. Whoever quotes a part may cut it anywhere.
_PIECE = 24


@dataclass
class Watched:
    """An operation as a task sees it, which keeps the failure that the task is going to report."""

    operation: Any
    failure: TaskError | None = None
    crash: Exception | None = None

    @property
    def SPEC(self) -> Any:
        return self.operation.SPEC

    def explained(self, given: Mapping[str, Any], message: str) -> str:
        explain = getattr(self.operation, "explained", None)
        return message if explain is None else str(explain(given, message))

    def run(self, task: Task) -> dict[str, Any]:
        try:
            result: dict[str, Any] = self.operation.run(task)
        except TaskError as error:
            self.failure = error
            raise
        except Exception as error:
            self.crash = error
            raise
        return result


@dataclass
class ShownJob(Job):
    """A job whose result is what Ansible would show; ``shown``: also of a failure. ``printed``: what else it put out."""

    shown: dict[str, Any] = field(default_factory=dict)
    printed: str = ""

    def run(self, world: World, warn: Callable[[str], None]) -> dict[str, Any]:
        assert isinstance(self.operation, ModuleType)
        assert isinstance(self.options, Mapping)
        watched = Watched(self.operation)
        given = {name: value for name, value in self.options.items() if value is not None}
        self.shown, self.printed = {}, ""
        with _overheard() as heard:
            no_log = bool(given.get("return_secret"))
            invocation = Invocation(watched, given, check_mode=self.check_mode, verbosity=2, no_log=no_log)
            self.shown = invocation.outcome()
        self.printed = heard.getvalue()
        for warning in invocation.warnings:
            warn(warning)
        if no_log:
            # What the user has asked for is no leak; it wants no_log.
            self.shown.pop("client_secret", None)
        if watched.crash is not None:
            raise watched.crash
        if watched.failure is not None:
            raise watched.failure
        assert not self.shown.get("failed"), self.shown
        return self.shown


@dataclass
class PlayJob(ShownJob):
    """A role or a playbook in this process. ``variables``: what its user sets; ``options``: logins of its modules."""

    player: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict)

    def run(self, world: World, warn: Callable[[str], None]) -> dict[str, Any]:
        del warn
        assert isinstance(self.options, Mapping)
        run = RoleRun(self.variables, self.options, world.sandbox.proxy_url)
        self.shown, self.printed = {}, ""
        with _overheard() as heard:
            self.player.play(run)
        self.shown = {"changed": bool(run.changed), "results": [step.result for step in run.steps]}
        self.printed = heard.getvalue() + str(run.warnings)
        if run.failure is not None:
            raise TaskError(str(run.failure), plane="Controller", obj=self.name, next_step="see above")
        return self.shown


@contextlib.contextmanager
def _overheard() -> Iterator[io.StringIO]:
    """Logs of all libraries, as they are set, and what is printed."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            yield heard
    finally:
        logging.getLogger().removeHandler(handler)


@dataclass
class Canaries:
    """Every credential that passes the wire, and those that were given; none may be seen by anyone."""

    given: frozenset[str]
    met: set[str] = field(default_factory=set)

    def note(self, call: Call, reply: Reply | None) -> None:
        scheme, _blank, token = call.headers.get("Authorization", "").partition(" ")
        if scheme in ("Bearer", "Basic"):
            self.met.add(token)
        for body in (call.body, reply.body if reply is not None else b""):
            for pattern in (_SECRET_MEMBERS, _SECRET_FIELDS):
                self.met.update(hit.decode() for hit in pattern.findall(body))

    def in_text(self, text: str) -> str | None:
        """The first credential of which the text has a part."""
        for one in (*self.given, *self.met):
            if any(piece in text for piece in _pieces(one)):
                return one
        return None


def _pieces(secret: str) -> Iterator[str]:
    if len(secret) <= _PIECE:
        yield secret
        return
    # The beginning of a token is its header, which is the same for all and no secret.
    first = secret.rindex(".") + 1 if secret.startswith("eyJ") and "." in secret else 0
    for start in range(first, len(secret) - _PIECE + 1, _PIECE):
        yield secret[start : start + _PIECE]


def lines_of_key(pem: str) -> Iterator[str]:
    """What no text may hold of a private key: its lines, and the whole as base64."""
    lines = [line for line in pem.splitlines() if line and not line.startswith("-----")]
    # The first lines of all keys of a kind begin alike.
    yield from lines[1:-1]
    yield base64.b64encode(pem.encode()).decode()[60:]


def all_texts(job: ShownJob, warnings: list[str]) -> str:
    """What users see, and what stays in logs."""
    return json.dumps([job.shown, warnings], default=str, ensure_ascii=False) + job.printed
