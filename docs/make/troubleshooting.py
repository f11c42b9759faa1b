# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes docs/troubleshooting.md of the table of diagnosis classes.

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

If you are here at night: nothing that this collection does while testing changes anything, and a group that does not
connect keeps its keys, its link and its settings. Saving a link never needs a connection (guide 4.6).

1. Run the test alone and read its `diagnosis`:

   ```sh
   ansible localhost -m fortanix.dsm.cdc_connection -a 'group_name=akv-production on_not_connected=ignore'
   ```

2. `class` is one of the classes below. `leg` and `host` say where it fails: Entra gives the token, Azure Resource
   Manager lists the vaults, the vault or Managed HSM holds the keys. What cannot be told is `unknown` or `null`;
   nothing is guessed.
3. Check that the `words` fit the class. They are the server's own, and the class is drawn from them; Microsoft may
   change its codes.
4. If the class is `unknown`, give the link's credential to the test (`link_client_secret`, say). DSM lists vaults only
   for a link that comes with its credential, so only then can it be told whether the application sees the vault.

Two things that look like a failed connection and are none:

- The task fails on the plane `DSM` with HTTP status 401, 403 or 404, and without a diagnosis: that is DSM's answer to
  your own login, and DSM has not tested the link. (DSM may hand on an answer of Azure with these statuses. Then the
  words show it, a read with the same login works, and there is a diagnosis.)
- "This operation requires approval": a quorum policy guards the operation. See
  [When a change waits for approval](#when-a-change-waits-for-approval).

## What a success proves

`proves` in the result of `cdc_connection` lists what a successful test shows:

| ID | Meaning |
| --- | --- |
| `dsm_check` | DSM's own test of the link succeeded. |

How far DSM's test goes is not public. It does **not** prove that the application may use keys, that each of the ten key
permissions of guide 4.2 is there, that the vault is the one you mean, that its type is the one in the link, or
that the credential is still good if DSM keeps tokens. `cdc_sync` proves more: DSM has then listed the keys. With the
credential given, `cdc_connection` also compares vault and type, and reports what does not fit in `findings`.
"""

_TAIL = """
## When a change waits for approval

`pending: true` in a result is no failure: the approvers have not decided yet, and nothing has been changed.
`approval.id` is the request in DSM. [Changes that a quorum approves](approvals.md) has all states. Of failures:

| Words | What to do |
| --- | --- |
| "another change of it waits for approval" | Have that request decided or withdraw it in DSM, then run again. |
| "was denied by" | Talk to whom the message names. To ask for the same again, delete the denied request in DSM first. |
| "was approved, and DSM failed to carry it out" | Correct what the server names and run again, which asks anew. |
| "has expired or was withdrawn before it was decided" | Run again, which asks anew. |
| "takes no request for it" | DSM lets nobody ask for this. Do it in DSM's user interface, then run again. |

## What a failed task has done

A task that fails may have written something before. Its result then has `changed: true`, so that handlers and reports
do not miss it, and names each write:

| In the result | Content |
| --- | --- |
| `failure.done` | What was carried out, in order: requests, or steps of the module. |
| `failure.unknown` | Requests that got no answer, or one of a gateway. The next run reads what is there. |

The message names them after "Already done" and "It is unknown whether this was carried out". "Nothing was changed"
stands in messages of failures before the first write only.

## When somebody else changes the same group

Two plays, or a play and a person, may change one group at the same time. DSM has no conditional writes, so a task reads
the group again immediately before it writes, and once more after that. It goes by the parts that it writes: the name,
the description, the metadata as a whole, the link as a whole.

| Meanwhile the other has | Result of this task |
| --- | --- |
| changed other parts | It is done, and a warning names what else has changed. |
| changed the same part | It fails before it writes: "somebody else has changed it since this task has read it". |
| made the very same change, or the very same group | Not `changed`, with a warning. |
| created another group of the name | It fails: "somebody else has created a group of this name". |
| removed the group | It fails: "somebody else has removed it"; a task that removes it, too, is content. |
| overwritten the part after the write | It fails: "DSM accepted the write, but holds something else in". |

All these failures have `failure.retryable: true`, since another run goes by what is there then. To let a play do that:

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

One window remains, of one round trip: what the other changes in the same part after this task's second reading and
before its write arrives is replaced, and if the other has read back by then, neither is told. Nothing that DSM offers
closes it; a mark in the group's metadata would be replaced, too. Where this matters, let one controller own a group, or
use a lock of your own. A change that waits for an approval is carried out as it was filed, so for it the window lasts
until the approvers decide.

## When somebody else changes the same vault

Resource Manager has no conditional writes for vaults either. A PUT replaces everything, the access policies included;
a PATCH replaces tags and network rules completely. `azure_kv_vault` therefore sends each write once, reads the vault
immediately before it and reads it back afterwards. After a throttled request, or one without a clear answer, it reads
the vault again before it sends anything.

| Meanwhile somebody else has | Result of this task |
| --- | --- |
| created the vault | It is adopted like any existing vault, and its access policies stay. |
| created the vault with settings that cannot be changed | The task fails; the vault stays as it is. |
| recovered the soft-deleted vault | It is adopted as it is. |
| added tags or network rules | They stay. |
| removed tags or network rules that this task has seen | It fails before it writes, and names them. |
| made the same change | Not `changed`. |
| overwritten this task's change | The change is made again, with the tags and rules that were lost, up to five times. |
| removed a tag or a rule after the change | It fails and names it; it is not put back, as that may be intended. |
| added keys or secrets to a vault with `state: absent` | It fails; the vault stays. |
| deleted the vault | With `state: absent`, not `changed`. Otherwise it fails. |

If Azure has finished and still shows something else than was written, the task does not wait for `wait_timeout`: it
fails after five equal answers (twelve for a managed HSM) and shows both values. An Azure Policy that sets a value, or
other automation, is the usual cause. An answer that lacks members of the vault is not taken to mean that they are
empty; it is read again.

These failures have `failure.retryable: true`, too.

One window of one round trip remains here as well, between the last read and the write:

- A vault that somebody else creates in it is replaced, if Azure accepts the request.
- A tag or a rule that somebody else adds in it is lost, unless they read back (as this module does) and add it again.
- A key or secret that somebody else creates in it is soft-deleted with the vault. It comes back with the vault when it
  is recovered.

## When a lock or an Azure Policy forbids a change

Both stand above all roles, the owner's too. `azure_kv_vault` and `azure_kv_prereqs` read the locks at the vault and
above it before the first write, in check mode too.

- `locks forbid what has to be changed`: nothing that the lock covers was sent. `failure.locks` lists name, level and
  scope. Have those who own the lock remove it for the time of the change.
- `a lock at ... forbids this` (`ScopeLocked`): the same, told by Azure, as the operator may not read locks or the lock
  is new. Give the operator `Microsoft.Authorization/locks/read`.
- `an Azure Policy forbids this` (`RequestDisallowedByPolicy`): a policy with the effect deny. `failure.policies` has
  its name, assignment and definition. Check mode cannot tell it. Set what it allows, or have an exemption made.
- `Azure stored other values than were written`: a policy with the effect modify has rewritten the value.
  `failure.differing` has the option with both values. Set the option to the value that is enforced, or have an
  exemption made. To run the task again does not help.
- `CanNotDelete` forbids to delete the vault and to remove role assignments at it. Access policies can be changed.
- `ReadOnly` forbids every write of Resource Manager. The roles inside of a managed HSM are behind no lock.
- A teardown revokes what no lock covers, leaves the group and everything else that cannot be undone, and says so at the
  end. Run it again without the lock, or with `teardown_keep_rights: true` when the lock is to stay.
"""


def render() -> str:
    """The text of the guide."""
    lines = [*_HEAD.strip().splitlines(), "", "## By words", "", "| Words | Class |", "| --- | --- |"]
    lines += _words()
    for title, entries in _by_leg():
        lines += ["", f"## {title}"]
        for entry in entries:
            lines += ["", *_section(entry)]
    return "\n".join([*lines, "", *_TAIL.strip().splitlines()]) + "\n"


def _words() -> Iterator[str]:
    """Codes and their classes, to be searched for."""
    for entry in CLASSES:
        if entry.codes:
            codes = ", ".join(f"`{code}`" for code in entry.codes)
            yield f"| {codes} | [{entry.title}](#{entry.id}) |"


def _by_leg() -> Iterator[tuple[str, list[DiagnosisClass]]]:
    for leg, name in LEG_NAMES.items():
        entries = [entry for entry in CLASSES if entry.leg == leg]
        yield ("On any leg: TLS, network, clouds" if leg == UNKNOWN else name), entries


def _section(entry: DiagnosisClass) -> Iterator[str]:
    yield f'### <a id="{entry.id}"></a>{entry.title}'
    yield ""
    yield from _wrapped(f"- Class: `{entry.id}`, guide {entry.guide}")
    yield from _wrapped(f"- Likely cause: {entry.cause}.")
    yield from _wrapped(f"- Remedy: {entry.remedy}.")
    if entry.examples:
        yield "- Words like:"
        yield ""
        yield "  ```text"
        yield from (f"  {example}" for example in entry.examples)
        yield "  ```"


def _wrapped(text: str) -> Iterable[str]:
    return textwrap.wrap(text, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    GUIDE.write_text(render(), encoding="utf-8")
