# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what each task returned, as the callbacks of a job see it, to the file named by RECORDER_FILE (JSON lines).

To the file named by RECORDER_RAN, where there is one, it adds a line for each playbook, module, and role of which a run
or a task has ended well: the kind, a space, the name or path.
"""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: recorder
type: notification
short_description: Records the results of tasks for the tests
description: Appends a line of JSON for each result to the file that E(RECORDER_FILE) names.
options: {}
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "recorder"
    CALLBACK_NEEDS_ENABLED = True

    def _record(self, status: str, result: object) -> None:
        entry = {
            "task": result.task_name,
            "action": result._task.resolved_action or result._task.action,
            "status": status,
            "host": result._host.name,
            "result": result._result,
        }
        with open(os.environ["RECORDER_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(entry, default=str) + "\n")

    def _ran(self, kind: str, name: str) -> None:
        if path := os.environ.get("RECORDER_RAN"):
            # Several runs write at a time, each line at once.
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"{kind} {name}\n")

    def v2_playbook_on_start(self, playbook: object) -> None:
        self._playbook = os.path.realpath(playbook._file_name)

    def v2_playbook_on_stats(self, stats: object) -> None:
        if not stats.failures and not stats.dark:
            self._ran("playbook", self._playbook)

    def v2_runner_on_ok(self, result: object) -> None:
        self._record("ok", result)
        self._ran("module", result._task.resolved_action or result._task.action)
        if result._task._role:
            self._ran("role", result._task._role.get_name(include_role_fqcn=True))

    def v2_runner_on_failed(self, result: object, ignore_errors: bool = False) -> None:
        self._record("failed", result)

    def v2_runner_on_skipped(self, result: object) -> None:
        self._record("skipped", result)
