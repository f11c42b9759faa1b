# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The counts of a sweep, as they are printed and as docs/reliability.md shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from .subjects import Subject

_OUTCOMES = {
    "succeeded": "Task succeeds in spite of the fault",
    "failed": "Task fails with one clear error",
    "killed": "Task was killed",
}


def as_table(positions: Mapping[Subject, int], cases: Mapping[Subject, int], counts: Counter[str], faults: int) -> str:
    """Two tables of Markdown: per module and play, and in all."""
    doers: dict[str, list[Subject]] = {}
    for subject in positions:
        doers.setdefault(subject.what, []).append(subject)
    lines = ["| What runs | Operations | Requests | Cases |", "| --- | ---: | ---: | ---: |"]
    for what, some in doers.items():
        sums = (len(some), sum(positions[one] for one in some), sum(cases[one] for one in some))
        lines.append(f"| {what} | {' | '.join(f'{number:,}' for number in sums)} |")
    total = (len(positions), sum(positions.values()), sum(cases.values()))
    lines.append(f"| all | {' | '.join(f'{number:,}' for number in total)} |")
    lines += ["", f"| Outcome of the {total[2]:,} cases with {faults} faults | Cases |", "| --- | ---: |"]
    lines += [f"| {text} | {counts[f'outcome: {kind}']:,} |" for kind, text in _OUTCOMES.items()]
    lines.append(f"| Second runs from different states | {counts['second runs']:,} |")
    return "\n".join(lines)
