# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the archive that is published (`make dist`). docs/publishing.md is the guide.

It is built from a copy of the work tree, in which

- galaxy.yml has the addresses of the repository,
- CHANGELOG.md is generated from the fragments, unless the version has been released already,
- pages lack the parts between the two markers below: they need a checkout,
- links of pages to files that the archive lacks lead to the repository.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from distribution.rename import NAME, ROOT, copy_renamed

OWN_NAME = "fortanix.dsm"
EXAMPLE = "https://github.com/OWNER/REPOSITORY"
# Neither user nor password, query or fragment. GitHub's and GitLab's repositories have an owner.
_REPOSITORY = re.compile(
    r"https://(?!(?:github|gitlab)\.com/[^/]*$)[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+(?::\d{1,5})?(?:/[\w.~-]+)+"
)
CHECKOUT_ONLY, END = "<!-- only in a checkout -->", "<!-- end: only in a checkout -->"
_PART = re.compile(rf"^{re.escape(CHECKOUT_ONLY)}\n.*?^{re.escape(END)}\n+", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(rf"^\s*(?:{re.escape(CHECKOUT_ONLY)}|{re.escape(END)})", re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
# A code fence, or code in a line: a link in it is none.
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`(?!\])", re.MULTILINE | re.DOTALL)


class ArtifactError(Exception):
    """Why no archive is built; the text is for the person who started the build."""


def checked_repository(address: str) -> str:
    """The address of the repository without what does not belong to it."""
    if not address:
        raise ArtifactError(f"Set REPOSITORY to the public address of the repository: make dist REPOSITORY={EXAMPLE}")
    bare = address.strip().rstrip("/").removesuffix(".git")
    # Not quoted: it may contain a password.
    if not _REPOSITORY.fullmatch(bare) or bare == EXAMPLE:
        raise ArtifactError(f"REPOSITORY must be the https URL of a repository and nothing more, such as {EXAMPLE}")
    return bare


def addresses(repository: str) -> dict[str, str]:
    """The addresses that galaxy.yml gets. Documentation and issues have known places on GitHub and GitLab only."""
    found = {"repository": repository, "homepage": repository}
    if (separator := _separator(repository)) is not None:
        found["documentation"] = f"{repository}{separator}/blob/HEAD/README.md"
        found["issues"] = f"{repository}{separator}/issues"
    return found


def address_of(repository: str, version: str, path: str) -> str:
    """Where a path of a release is in the repository; the repository itself where its host is not known."""
    separator = _separator(repository)
    return repository if separator is None else f"{repository}{separator}/blob/v{version}/{path}"


def _separator(repository: str) -> str | None:
    """What stands between the address of a repository and the places in it."""
    host = urlsplit(repository).hostname or ""
    return {"github": "", "gitlab": "/-"}.get(next((one for one in ("github", "gitlab") if one in host.split(".")), ""))


def build_artifact(root: Path, target: Path, *, repository: str, name: str = OWN_NAME) -> Path:
    """Build the archive below `target`, which is emptied, and return its path."""
    repository = checked_repository(repository)
    if not NAME.fullmatch(name):
        raise ArtifactError(f"COLLECTION must be a name such as {OWN_NAME} in lower case, not {name!r}")
    namespace, _dot, collection = name.partition(".")
    target = target.resolve()
    shutil.rmtree(target, ignore_errors=True)
    # antsibull-changelog accepts a collection below a folder of this name only.
    work = target / "work"
    copy = work / "ansible_collections" / namespace / collection
    copy_renamed(root, name, copy)
    settings = copy / "galaxy.yml"
    version = str(yaml.safe_load(settings.read_text(encoding="utf-8"))["version"])
    lines = [f"{key}: {address}\n" for key, address in addresses(repository).items()]
    settings.write_text(settings.read_text(encoding="utf-8") + "".join(lines), encoding="utf-8")
    _release_changelog(copy, version)
    for page in copy.rglob("*.md"):
        page.write_text(without_checkout_parts(page), encoding="utf-8")
    kept = _names(_build(copy, work / "draft"))
    for page in copy.rglob("*.md"):
        if page.relative_to(copy).as_posix() in kept:
            _lead_to_repository(page, copy, kept, partial(address_of, repository, version))
    return _build(copy, target)


def without_checkout_parts(page: Path) -> str:
    """The text of a page without the parts that need a checkout."""
    text = _PART.sub("", page.read_text(encoding="utf-8"))
    if _MARKER.search(text):
        raise ArtifactError(f"{page}: {CHECKOUT_ONLY} and {END} must each stand alone in a line, in pairs")
    return text


def _lead_to_repository(page: Path, copy: Path, kept: Collection[str], address: Callable[[str], str]) -> None:
    """Make the relative links of a page to what the archive lacks absolute."""

    def changed(link: re.Match[str]) -> str:
        path = (page.parent / link[1]).resolve().relative_to(copy).as_posix()
        return link[0] if path in kept else address(path) + (link[2] or "")

    text, parts, end = page.read_text(encoding="utf-8"), [], 0
    for code in _CODE.finditer(text):
        parts += [_LINK.sub(changed, text[end : code.start()]), code[0]]
        end = code.end()
    page.write_text("".join([*parts, _LINK.sub(changed, text[end:])]), encoding="utf-8")


def _release_changelog(copy: Path, version: str) -> None:
    """Generate CHANGELOG.md: from the fragments where the version is not released yet, else it is there already."""
    changes = yaml.safe_load((copy / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))
    fragments = sorted((copy / "changelogs" / "fragments").glob("*.y*ml"))
    if version not in changes["releases"]:
        _run(["antsibull-changelog", "release"], copy)
    elif fragments:
        raise ArtifactError(
            f"Version {version} is released already, and changelogs/fragments has changes after it: "
            "raise version in galaxy.yml"
        )


def _build(copy: Path, target: Path) -> Path:
    _run(["ansible-galaxy", "collection", "build", "--output-path", str(target)], copy)
    (archive,) = target.glob("*.tar.gz")
    return archive


def _names(archive: Path) -> frozenset[str]:
    with tarfile.open(archive) as content:
        return frozenset(name.removeprefix("./") for name in content.getnames())


def _run(command: list[str], folder: Path) -> None:
    """Run a tool of the environment that runs this."""
    bin_folder = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(folder.parents[2]),
        "ANSIBLE_HOME": str(folder.parents[2] / "home"),
    }
    done = subprocess.run(
        [str(bin_folder / command[0]), *command[1:]],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ArtifactError(f"$ {' '.join(command)}\n{done.stdout.rstrip()}\n(exit status {done.returncode})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repository", default="", help="its public address, https")
    parser.add_argument("--name", default=OWN_NAME, help="another name for the collection, namespace.collection")
    options = parser.parse_args()
    try:
        archive = build_artifact(ROOT, ROOT / ".build" / "dist", repository=options.repository, name=options.name)
    except ArtifactError as error:
        print(error, file=sys.stderr)
        return 2
    path = archive.relative_to(ROOT)
    print(f"Built {path}. To publish it: ansible-galaxy collection publish {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
