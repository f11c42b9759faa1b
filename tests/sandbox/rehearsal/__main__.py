# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m sandbox.rehearsal`: break the running sandbox on purpose, or put it back."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from .files import CONTROL

_LONGEST = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.rehearsal", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="the directory of the running sandbox")
    parser.add_argument("what", nargs="?", default="", help="what to break, or `restore`; nothing: list the breaks")
    options = parser.parse_args()
    try:
        url = (options.directory / CONTROL).read_text(encoding="utf-8").strip()
        path, method = {"": ("/breaks", "GET"), "restore": ("/restore", "POST")}.get(
            options.what, (f"/breaks/{options.what}", "POST")
        )
        print(_told(options.what, _call(url + path, method)))
    except urllib.error.HTTPError as error:
        sys.exit(json.load(error)["message"])
    except (OSError, ValueError):
        sys.exit(f"No sandbox is running in {options.directory}. Start one with `make sandbox`.")


def _call(url: str, method: str) -> Any:
    # The environment's proxy leads into the simulated world, in which the control service is not.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, method=method), timeout=_LONGEST) as response:
        return json.load(response)


def _told(what: str, answer: Any) -> str:
    if what == "restore":
        return f"Restored. Undone: {', '.join(answer['undone']) or 'nothing was broken'}."
    if what:
        found = f"Find the cause with the module {answer['found_with']}; undo with WHAT=restore."
        return f"Broken: {answer['happened']}.\n{found}"
    width = max(len(one["name"]) for one in answer)
    marks = {True: " (in force)", False: ""}
    return "\n".join(f"{one['name']:<{width}}  {one['happened']}{marks[one['in_force']]}" for one in answer)


if __name__ == "__main__":
    main()
