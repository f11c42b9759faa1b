# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets ansible-test make its virtual environments from the package index alone.

ansible-test puts pip into each new environment by a script that it downloads from a host of its own, unless that script
is already in its cache. This fills the cache with a stand-in that asks the pip of the environment running the linters
to install the wanted version into the other one, so that nothing but the package index has to be reached.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

STAND_IN = """\
# Written by tests/lint/pip_bootstrap.py: installs pip into the environment whose Python runs this file.
import subprocess
import sys

# The two options say what the original script would leave out; there is nothing to leave out here.
arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([{python!r}, "-m", "pip", "--python", sys.executable, "install", "--quiet", *arguments]))
"""


def wanted_pip_version() -> str:
    """The version that this ansible-core puts into its environments; the name of the cached script carries it."""
    from ansible_test._internal.python_requirements import get_venv_packages

    version: str = get_venv_packages(SimpleNamespace(version=".".join(platform.python_version_tuple()[:2])))["pip"]
    return version


def write_bootstrap(home: Path) -> Path:
    """Write the stand-in below `home`, the HOME of the ansible-test run, and return its path."""
    script = home / ".ansible" / "test" / "cache" / f"get_pip_{wanted_pip_version().replace('.', '_')}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    return script


def carry_pip_settings(home: Path) -> None:
    """Give that HOME the pip settings in force (index, certificates): ansible-test hides the caller's from its pip."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    files: dict[str, str] = {}
    variables: dict[str, str] = {}  # PIP_*; they count more than the files
    for line in listing.splitlines():
        name, _separator, value = line.partition("=")
        section, _dot, key = name.partition(".")
        settings = {":env:": variables, "global": files, "install": files}.get(section)
        if settings is not None:
            settings[key] = value.strip("'\"").replace("\\n", " ")
    lines = [f"{key} = {value}\n" for key, value in {**files, **variables}.items() if key != "config-file"]
    path = home / ".config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text("[global]\n" + "".join(lines), encoding="utf-8")
