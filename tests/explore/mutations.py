# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``make explore-mutations``: each protection taken back, one by one, in a copy of the tree; something must notice.

A mutation is a text that stands once in a file and what it is replaced by. ``caught_by`` is what has to fail then: a
part of the exploration (arguments of ``explore``), or tests (a node ID of pytest). The same has to pass without it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_UTILS = "plugins/module_utils"


@dataclass(frozen=True)
class Mutation:
    """``why``: what goes wrong without the protection."""

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]
    why: str

    def apply(self, tree: Path) -> None:
        path = tree / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise SystemExit(f"{self.name}: its text stands {text.count(self.old)} times in {self.file}, not once")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


def explored(scene: str, kind: str, only: str, *more: str) -> tuple[str, ...]:
    """The part of the exploration that is to find it; the first finding is enough."""
    return ("explore", "--jobs", "1", "--stop", "--scenes", scene, "--kinds", kind, "--only", only, *more)


MUTATIONS = (
    Mutation(
        "edits of a group are not read again before the write",
        f"{_UTILS}/_dsm/groups/concurrent_changes.py",
        "    if found or replaced:\n        raise lost(",
        "    if (found or replaced) and not before.label:\n        raise lost(",
        explored("links", "pairs", "group: edit | group: other edit"),
        "an edit of somebody else's part of the metadata is undone",
    ),
    Mutation(
        "an existing group of the name is taken whatever it is",
        f"{_UTILS}/_dsm/groups/concurrent_changes.py",
        "    if not after and now.custom_metadata.get(CREDENTIAL_FACT) == credential_fact:\n        return\n",
        "    if now.group_id:\n        return\n",
        explored("links", "pairs", "group: new | group: new, other run"),
        "a run says ok for a group that is not as it wants it",
    ),
    Mutation(
        "tags are replaced, not merged",
        f"{_UTILS}/_names.py",
        "for name, value in stored.items()}",
        "for name, value in stored.items() if name_key(name) in values}",
        explored("vaults", "pairs", "vault: other tags"),
        "tags of others are lost",
    ),
    Mutation(
        "network rules are replaced, not completed",
        f"{_UTILS}/_azure/vaults/vault_settings.py",
        '    rules = dict(stored) or {"bypass"',
        '    rules = {"bypass"',
        explored("vaults", "pairs", "vault: rules"),
        "virtual network rules of others are lost",
    ),
    Mutation(
        "an answer without a member counts as none of it",
        f"{_UTILS}/_rest/replacement.py",
        "    found = body.get(member)\n    if not isinstance(found, list):\n",
        "    found = body.get(member) or []\n    if not isinstance(found, list):\n",
        ("tests/unit/wire/test_replacement.py",),
        "a null list is taken for an empty one, and certificates of others are erased",
    ),
    Mutation(
        "a list is built on an answer that lacks what was seen",
        f"{_UTILS}/_rest/replacement.py",
        "                missing = sorted(known - entries.keys() - remove)\n",
        "                missing: list[str] = []\n",
        explored("certificates", "answers", "app: other certificate", "--answers", "1"),
        "an old or short list is sent back, without what others have in it",
    ),
    Mutation(
        "the new credential need not be in the list that is sent",
        f"{_UTILS}/_rest/replacement.py",
        "        lacking = sorted(set(self._wish.required) - target.keys())\n",
        "        lacking: list[str] = []\n",
        ("tests/unit/wire/test_replacement.py",),
        "the removal step of a rotation removes the new certificate with the old one",
    ),
    Mutation(
        "what an overwrite has taken out is not put back",
        f"{_UTILS}/_rest/replacement.py",
        "        self._lost.update(lost)\n",
        "",
        ("tests/unit/wire/test_replacement.py",),
        "a certificate of somebody else stays lost",
    ),
    Mutation(
        "the SDK repeats a write that was built on a read",
        f"{_UTILS}/_azure/wire/channel.py",
        "return {} if reads or repeatable else _SENT_ONCE",
        "return {}",
        explored("certificates", "throttles", "app: other certificate | rotate"),
        "a throttled PATCH takes the certificate of a rotation that completes in the pause",
    ),
    Mutation(
        "a group is no holder after a lost answer",
        f"{_UTILS}/_rotation/rollout.py",
        "            if link_edit.changed_nothing(error) and not held:\n",
        "            if error:\n",
        explored("certificates", "losses", "first use"),
        "the credential of a group that was made all the same is removed",
    ),
    Mutation(
        "no other run is ever under way",
        f"{_UTILS}/_rotation/plan.py",
        "    return one.name == NAME and made is not None and now - made < wish.takeover_after\n",
        "    return False\n",
        explored("secrets", "pairs", "rotate | rotate, other run", "--depth", "2"),
        "the young credential of another run is removed before it has written it",
    ),
    Mutation(
        "other people's credentials are removed with ours",
        f"{_UTILS}/_rotation/plan.py",
        "    if not is_our_credential(one) and one.key_id not in used:\n"
        '        return "this collection did not create it"\n'
        "    if one.name != NAME and one.key_id not in used:\n"
        '        return "its value was returned to a user when it was created, and no group is known to have had it"\n',
        "",
        ("tests/unit/rotation/test_plan.py",),
        "a rotation removes a secret that somebody else has made",
    ),
    Mutation(
        "a read may be empty",
        f"{_UTILS}/_azure/wire/channel.py",
        "    if not writes and not content.strip():\n",
        "    if not writes and not content.strip() and False:\n",
        ("tests/unit/azure/wire/test_channel.py", "-k", "empty"),
        "an answer without a body is taken for an object without members",
    ),
    Mutation(
        "a group counts its keys once",
        f"{_UTILS}/_dsm/groups/link_edit.py",
        "        return _count(dsm, group) or _count(dsm, group)\n",
        "        return _count(dsm, group)\n",
        ("tests/integration/test_races.py", "-k", "because_one_answer_shows_no_key"),
        "one short answer lets a group with keys be removed",
    ),
    Mutation(
        "members of a link that are not known may go",
        f"{_UTILS}/_dsm/groups/concurrent_changes.py",
        '        *(f"link.{name}" for name in _changed_foreign(before, now)),\n',
        "",
        ("tests/unit/dsm/groups/test_races.py",),
        "a member of the link that one answer lacks is lost with the next write",
    ),
    Mutation(
        "the old credential is said to be valid without a look",
        f"{_UTILS}/_rotation/rollout.py",
        'is no longer valid" if gone else "the old one is still valid, too"',
        'is no longer valid" if not gone and not self.used else "the old one is still valid, too"',
        ("tests/integration/test_cdc_credential_holders.py", "-k", "whether_the_one_before"),
        "a failure says that the old credential is valid, and it is gone",
    ),
    Mutation(
        "a removal that was not confirmed counts as done",
        f"{_UTILS}/_azure/applications/graph_writes.py",
        "    if in_a_row < EQUAL_READS or not was_listed:\n",
        "    if False:\n",
        ("tests/integration/test_application_lists.py", "-k", "does_not_know_everywhere"),
        "a secret that shows late lives on, and is said to be removed",
    ),
    Mutation(
        "a group is put back as it was read first",
        f"{_UTILS}/_rotation/rollout.py",
        "        was = replace(now, link=replace(now.azure_link, tls=member.group.azure_link.tls))\n",
        "        was = member.group\n",
        ("tests/integration/test_cdc_credential_holders.py", "-k", "others_have_added"),
        "metadata that others have added in the meantime is lost on the way back",
    ),
    Mutation(
        "another run's change of the groups goes unseen",
        f"{_UTILS}/_rotation/rollout.py",
        "        return any(one.key_id not in known for one in found.credentials)\n",
        "        return False\n",
        explored("secrets", "pairs", "rotate | rotate, always", "--depth", "2"),
        "a run says that groups have its credential, and another run has replaced it",
    ),
    Mutation(
        "something is put back at an application that was cut off",
        f"{_UTILS}/_azure/applications/lists.py",
        "        if is_known and not disabled_of(registration, principal):\n            return\n",
        "        return\n",
        ("tests/integration/test_application_lists.py", "-k", "cut_off"),
        "a certificate that was removed in an emergency comes back",
    ),
    Mutation(
        "certificates are told by their key ID",
        f"{_UTILS}/_azure/break_glass/record.py",
        "        if self.key and other.key:\n            return self.sha256 == other.sha256\n"
        "        if self.sha1 and other.sha1:\n            return self.sha1 == other.sha1\n",
        "",
        ("tests/integration/test_azure_kv_access_races.py", "-k", "no_certificate_twice or of_before_the_restore"),
        "a restore registers a certificate twice, and a cut refuses one that was restored",
    ),
    Mutation(
        "the control node's clock decides",
        f"{_UTILS}/_time.py",
        "                return utc_now() + self._seen[name].skew\n",
        "                return utc_now()\n",
        ("tests/integration/test_service_clocks.py", "-k", "tokens_expire"),
        "an incident record says that all tokens have expired before the cut",
    ),
    Mutation(
        "one look is enough for a grant",
        f"{_UTILS}/_operations/azure_kv_prereqs.py",
        "            in_a_row = 0 if lacking or self._is_unread(after) else in_a_row + 1\n",
        "            in_a_row = in_a_row + 1\n",
        ("tests/integration/test_azure_kv_prereqs_races.py",),
        "rights are said to be effective that the same result lists as missing",
    ),
    Mutation(
        "a settled vault is waited for",
        f"{_UTILS}/_azure/vaults/lifecycle.py",
        "            if equal == _EQUAL_READS[place.kind]:\n",
        "            if equal == 10**9:\n",
        ("tests/unit/azure/vaults/test_lifecycle.py",),
        "a body that stays different is waited for until wait_timeout",
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="explore.mutations", description=__doc__)
    parser.add_argument("--only", default="", help="mutations whose names contain this text")
    parser.add_argument("--list", action="store_true", help="name them and do nothing")
    parser.add_argument("--no-control", action="store_true", help="do not see first that all passes without them")
    options = parser.parse_args()
    chosen = [one for one in MUTATIONS if options.only in one.name]
    if options.list or not chosen:
        print("\n".join(f"{one.name}: {one.why}" for one in chosen) or "there is none of that name")
        return 0 if chosen else 2
    missed, broken = [], []
    for one in chosen:
        began = time.monotonic()
        with _copy() as tree:
            if not options.no_control and (_run(tree, one.caught_by))[0] != 0:
                broken.append(one.name)
                print(f"NO CONTROL {one.name}: {' '.join(one.caught_by)} fails without the mutation", flush=True)
                continue
            one.apply(tree)
            code, words = _run(tree, one.caught_by)
        caught = _is_caught(one, code, words)
        if not caught:
            missed.append(one.name)
        print(
            f"{'caught' if caught else 'MISSED'} {one.name} ({time.monotonic() - began:.0f} s) {words[:200]}",
            flush=True,
        )
    print(f"{len(chosen)} mutations, {len(chosen) - len(missed) - len(broken)} caught, {len(missed)} missed")
    return 1 if missed or broken else 0


def _is_caught(one: Mutation, code: int, words: str) -> bool:
    """Whether it failed for what was found, and not for an error of its own."""
    if one.caught_by[0] == "explore":
        return code == 1 and words.startswith("FINDING")
    return code == 1


class _copy:
    """A copy of what is under version control, with what else a run needs."""

    def __enter__(self) -> Path:
        self._folder = tempfile.mkdtemp(prefix="explore-mutation-")
        tree = Path(self._folder, "tree")
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            source, target = ROOT / name, tree / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        link = tree / ".build/collections/ansible_collections/fortanix/dsm"
        link.parent.mkdir(parents=True)
        link.symlink_to("../../../..")
        return tree

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _run(tree: Path, caught_by: tuple[str, ...]) -> tuple[int, str]:
    """The exit code, and the first line that says what is wrong."""
    if caught_by[0] == "explore":
        command = [sys.executable, "-m", *caught_by]
    else:
        command = [sys.executable, "-m", "pytest", "-q", "-n0", "-x", "--no-header", *caught_by]
    environment = {**os.environ, "PYTHONPATH": f"{tree / 'tests'}:{tree / '.build/collections'}"}
    environment |= {"ANSIBLE_CONFIG": str(tree / "tests/ansible.cfg")}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(tree / ".build/collections")}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    found = next((line for line in lines if line.startswith(("FINDING", "FAILED", "ERROR"))), "")
    return done.returncode, found or (lines[-1] if lines else done.stderr[-200:])


if __name__ == "__main__":
    raise SystemExit(main())
