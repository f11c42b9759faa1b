# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generates docs/troubleshooting.md from the table of diagnosis classes.

PYTHONPATH=docs:tests:.build/collections .venv/bin/python -m make.troubleshooting
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.diagnosis_classes import (
    CLASSES,
    LEG_NAMES,
    UNKNOWN,
    DiagnosisClass,
)
from support.playbook import ROOT

GUIDE = ROOT / "docs" / "troubleshooting.md"

_HEAD = """
<!-- Made by docs/make/troubleshooting.py out of plugins/module_utils/_dsm/link/diagnosis_classes.py: edit those. -->

# When a group does not connect

A connection test changes nothing, and a group that does not connect keeps its keys, its link and its settings. A link
can be saved without a connection (guide 4.6).

"Guide" is the product guide *Fortanix DSM - Azure Key Vault CDC Group Setup*,
<https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup>.

1. Run only the test and read its `diagnosis`:

   ```sh
   ansible localhost -m fortanix.dsm.cdc_connection -a 'group_name=akv-production on_not_connected=ignore'
   ```

2. Find the `class` below. `leg` and `host` show where the connection fails: Entra issues the token, Azure Resource
   Manager lists the vaults, the vault or Managed HSM holds the keys. An unknown value is `unknown` or `null`; nothing
   is guessed.
3. Check that the `words` match the class. They are the server's error text, and the class is derived from them.
   Microsoft may change its codes.
4. If the class is `unknown`, set the link's credential in the test, for example `link_client_secret`. DSM lists vaults
   only for a link that is sent with its credential. Only then can the test show whether the application sees the vault.

Two results look like a failed connection but are not:

- The task fails on the plane `DSM` with HTTP status 401, 403 or 404 and without a diagnosis: DSM refused your DSM
  credentials and did not test the link. (DSM may pass on a response of Azure with the same status. In that case the
  error text shows it, a read with the same DSM credentials succeeds, and there is a diagnosis.)
- "This operation requires approval": a quorum policy guards the operation. See
  [When a change waits for approval](#when-a-change-waits-for-approval).

## What a success proves

`proves` in the result of `cdc_connection` lists what a successful test shows:

| ID | Meaning |
| --- | --- |
| `dsm_check` | DSM's own test of the link succeeded. |

How far DSM's test goes is not public. A success does **not** prove that

- the application has permission to use keys, or has all ten key permissions of guide 4.2,
- the vault is the intended one and its type matches the link,
- the credential is still valid, if DSM caches tokens.

`cdc_sync` proves more: DSM has then listed the keys. If the credential is set, `cdc_connection` also compares vault and
type, and reports differences in `findings`.
"""

_TAIL = """
## When a change waits for approval

`pending: true` in a result is not a failure: the approvers have not decided yet, and nothing has been changed.
`approval.id` is the ID of the request in DSM. [Changes that a quorum approves](approvals.md) describes all states.
These are failures:

| Message | What to do |
| --- | --- |
| "another change of this object waits for approval" | Have that request decided or withdraw it in DSM, then run again. |
| "was denied by" | Contact the approver. To request the same change again, delete the denied request in DSM first. |
| "was approved, but DSM failed to carry it out" | Correct what the server names. Run again to file a new request. |
| "has expired or was withdrawn before it was decided" | Run again to file a new request. |
| "accepts no approval request for it" | Make the change in DSM's user interface, then run again. |

## What a failed task has done

A task may write something before it fails. Its result then has `changed: true`, so that handlers and reports do not
miss the change, and it lists each write:

| In the result | Content |
| --- | --- |
| `failure.done` | What was carried out, in order: requests, or steps of the module. |
| `failure.unknown` | Requests without a response, or answered by a gateway. The next run reads the current state. |

The message names them after "Already done" and "It is unknown whether this was carried out". "Nothing was changed"
stands in messages of failures before the first write only.

## When somebody else changes the same group

Two plays, or a play and a person, may change one group at the same time. DSM has no conditional writes, so a task reads
the group again immediately before it writes, and once more afterwards. It compares the parts that it writes: the name,
the description, the complete metadata, the complete link.

| Meanwhile somebody else has | Result of this task |
| --- | --- |
| changed other parts | The task makes its change, and a warning names the other changes. |
| changed the same part | The task fails before it writes: "somebody else changed this group after this task read it". |
| made exactly the same change, or created exactly the same group | Not `changed`, with a warning. |
| created another group with this name | The task fails: "somebody else created a group with this name". |
| deleted the group | The task fails: "somebody else deleted this group". A task with `state: absent` succeeds. |
| overwritten the part after the write | The task fails: "DSM accepted the write, but these fields have other values". |

All these failures have `failure.retryable: true`, because the next run reads the current state. To retry in a play:

```yaml
- name: Choose the vault
  fortanix.dsm.cdc_vault_select:
    group_name: akv-production
    vault: {name: akv-prod}
    link_client_secret: "{{ vaulted_client_secret }}"
  register: selection
  until: selection is not failed or not (selection.failure.retryable | default(false))
  retries: 3
  delay: 10
```

One window of one round trip remains: between this task's second read and the arrival of its write. A change of the same
part in this window is replaced. If the other task has already read back its own change, neither task reports that. DSM
offers nothing to close this window; a mark in the group's metadata would be replaced, too. Where this matters, let one
controller own a group, or use your own lock. DSM carries out an approved change as it was filed, so for such a change
the window lasts until the approvers decide.

## When somebody else changes the same vault

Azure Resource Manager has no conditional writes for vaults either. A PUT replaces everything, the access policies
included; a PATCH replaces the complete tags and network rules. `azure_kv_vault` therefore sends each write once, reads
the vault immediately before it and reads it back afterwards. After a throttled request, or one without a clear
response, it reads the vault again before it sends anything.

| Meanwhile somebody else has | Result of this task |
| --- | --- |
| created the vault | The task uses it like any existing vault and keeps its access policies. |
| created the vault with settings that cannot be changed | The task fails and does not change the vault. |
| recovered the soft-deleted vault | The task uses it like any existing vault. |
| added tags or network rules | The task keeps them. |
| removed tags or network rules that this task has read | The task fails before it writes, and names them. |
| made the same change | Not `changed`. |
| overwritten this task's change | The task makes the change again, with the lost tags and rules, up to five times. |
| removed a tag or a rule after the change | The task fails and names it, but does not restore it. |
| added keys or secrets to a vault with `state: absent` | The task fails and does not delete the vault. |
| deleted the vault | With `state: absent`, not `changed`. Otherwise the task fails. |

If Azure has finished and still returns other values than were written, the task does not wait for `wait_timeout`: it
fails after five equal responses (twelve for a Managed HSM) and shows both values. The usual cause is an Azure Policy or
other automation that sets the value. If a response lacks members of the vault, they do not count as empty; the task
reads the vault again.

These failures have `failure.retryable: true`, too.

One window of one round trip remains here as well, between the last read and the write:

- A vault that somebody else creates in this window is replaced, if Azure accepts the request.
- A tag or a rule that somebody else adds in this window is lost, unless they read it back (as this module does) and add
  it again.
- A key or secret that somebody else creates in this window is soft-deleted with the vault, and recovered with it.

## When a lock or an Azure Policy forbids a change

Locks and policies override all roles, even Owner. `azure_kv_vault` and `azure_kv_prereqs` read the locks at the vault
and above it before the first write, also in check mode.

- `locks forbid what has to be changed`: nothing that the lock covers was sent. `failure.locks` lists name, level and
  scope. Have the owners of the lock remove it during the change.
- `a lock at ... forbids this` (`ScopeLocked`): the same, reported by Azure, because the operator has no permission to
  read locks or the lock is new. Grant the operator `Microsoft.Authorization/locks/read`.
- `an Azure Policy forbids this` (`RequestDisallowedByPolicy`): a policy with the effect deny. `failure.policies` has
  its name, assignment and definition. Check mode cannot detect it. Set a value that it allows, or have an exemption
  created.
- `Azure has stored something else than was written`: a policy with the effect modify has changed the value.
  `failure.differing` has the option with both values. Set the option to the enforced value, or have an exemption
  created. Running the task again does not help.
- `CanNotDelete` forbids deleting the vault and removing role assignments at it. Access policies can be changed.
- `ReadOnly` forbids every write of Azure Resource Manager. Locks do not cover the local roles of a Managed HSM.
- A teardown revokes what no lock covers, keeps the group and everything else that cannot be undone, and reports this at
  the end. Run it again without the lock, or with `teardown_keep_rights: true` if the lock is permanent.
"""


def render() -> str:
    """The text of the guide."""
    lines = [*_HEAD.strip().splitlines(), "", "## By error code", "", "| Code | Class |", "| --- | --- |"]
    lines += _codes()
    for title, entries in _by_leg():
        lines += ["", f"## {title}"]
        for entry in entries:
            lines += ["", *_section(entry)]
    return "\n".join([*lines, "", *_TAIL.strip().splitlines()]) + "\n"


def _codes() -> Iterator[str]:
    """Error codes and their classes, for searching the page."""
    for entry in CLASSES:
        if entry.codes:
            codes = ", ".join(f"`{code}`" for code in entry.codes)
            yield f"| {codes} | [{entry.title}](#{entry.id}) |"


def _by_leg() -> Iterator[tuple[str, list[DiagnosisClass]]]:
    for leg, name in LEG_NAMES.items():
        entries = [entry for entry in CLASSES if entry.leg == leg]
        yield ("Any service: TLS, network, clouds" if leg == UNKNOWN else name), entries


def _section(entry: DiagnosisClass) -> Iterator[str]:
    yield f'### <a id="{entry.id}"></a>{entry.title}'
    yield ""
    yield from _wrapped(f"- Class: `{entry.id}`, guide {entry.guide}")
    yield from _wrapped(f"- Likely cause: {entry.cause}.")
    yield from _wrapped(f"- Remedy: {entry.remedy}.")
    if entry.examples:
        yield "- Error texts like:"
        yield ""
        yield "  ```text"
        yield from (f"  {example}" for example in entry.examples)
        yield "  ```"


def _wrapped(text: str) -> Iterable[str]:
    return textwrap.wrap(text, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    GUIDE.write_text(render(), encoding="utf-8")
