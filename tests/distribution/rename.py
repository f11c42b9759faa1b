# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a copy of this collection under another name, ready to be built: docs/publishing.md.

    python3 tests/distribution/rename.py acme.cdc /tmp/renamed

What changes is galaxy.yml and the names by which Ansible finds plugins, roles and playbooks, wherever they are written.
What groups in DSM carry does not change, so that both collections know each other's groups.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
# `fortanix.dsm` and `fortanix/dsm`, but neither the holders of the copyright nor the salt of stored fingerprints.
OLD = re.compile(r"\bfortanix([./])dsm\b(?! contributors)(?!/\{)")


def copy_renamed(source: Path, name: str, target: Path) -> None:
    """Copy what git tracks or would track, as it is now."""
    namespace, _dot, collection = name.partition(".")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True).stdout
    for file in filter(None, listing.split("\0")):
        original, copy = source / file, target / file
        if not original.is_file():
            continue  # tracked, but deleted in the work tree
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(original, copy)
        if b"\0" not in (content := copy.read_bytes()):
            text = content.decode("utf-8")
            copy.write_text(OLD.sub(rf"{namespace}\g<1>{collection}", text), encoding="utf-8")
    settings = target / "galaxy.yml"
    text = settings.read_text(encoding="utf-8")
    text = re.sub(r"^namespace: .*$", f"namespace: {namespace}", text, flags=re.MULTILINE)
    text = re.sub(r"^name: .*$", f"name: {collection}", text, flags=re.MULTILINE)
    settings.write_text(text, encoding="utf-8")
    # It takes the archive by its file name.
    image = target / "execution-environment.yml"
    text = re.sub(r"\bfortanix-dsm-(?=\d)", f"{namespace}-{collection}-", image.read_text(encoding="utf-8"))
    image.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the new name, namespace.collection")
    parser.add_argument("target", type=Path, help="a folder that does not exist yet")
    options = parser.parse_args()
    if not NAME.fullmatch(options.name):
        parser.error(f"{options.name!r} is no name of a collection: lower-case letters, digits and _, with one dot")
    if options.target.exists():
        parser.error(f"{options.target} exists already")
    copy_renamed(ROOT, options.name, options.target)
    print(f"cd {options.target} && ansible-galaxy collection build")


if __name__ == "__main__":
    main()
