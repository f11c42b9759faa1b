# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What the options of every module have in common: the range of a number, and which texts no service accepts. Pure.

Ansible checks the type of a value, not its range, and converts an infinite number with an exception of its own. The
arguments are therefore checked before Ansible sees them, and again when they are completed from the environment.
"""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.validation import check_type_dict

from ._errors import InvalidInput, shortened

_DAY, _WEEK, _MONTH = 86_400, 604_800, 2_592_000
_TEN_YEARS = 3650
# No value of an option has more; a file of certificates has a hundredth of it.
_LONGEST_TEXT = 1_000_000
_DEEPEST = 50
# Between an option and its element.
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Range:
    """The numbers that an option accepts. ``unit``: what it counts."""

    least: int
    most: int
    unit: str

    def __str__(self) -> str:
        return f"{self.least} to {self.most}"


# Option, at any depth and in every module -> its range. The documentation of each option repeats it.
RANGES: Mapping[str, Range] = {
    "approval_wait": Range(0, _MONTH, "seconds"),
    "concurrency": Range(1, 32, "groups"),
    "days": Range(1, _TEN_YEARS, "days"),
    "dsm_timeout": Range(1, _DAY, "seconds"),
    "interval_days": Range(1, _TEN_YEARS, "days"),
    "interval_months": Range(1, 120, "months"),
    "grace_time": Range(0, _WEEK, "seconds"),
    "max_age_days": Range(1, _TEN_YEARS, "days"),
    "max_checks": Range(0, 100_000, "groups"),
    "max_keys": Range(0, 100_000, "keys"),
    "max_requests": Range(0, 10_000, "requests"),
    "renew_before_days": Range(0, _TEN_YEARS, "days"),
    "retention_days": Range(7, 90, "days"),
    "secret_days": Range(1, _TEN_YEARS, "days"),
    "sync_timeout": Range(1, _DAY, "seconds"),
    "takeover_after": Range(0, _MONTH, "seconds"),
    "time_budget": Range(0, _WEEK, "seconds"),
    "token_lifetime": Range(1, 1440, "minutes"),
    "valid_days": Range(1, _TEN_YEARS, "days"),
    "wait": Range(0, _DAY, "seconds"),
    "wait_interval": Range(0, 3600, "seconds"),
    "wait_timeout": Range(0, _DAY, "seconds"),
}


def refusal(
    options: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any], one_of: Iterable[Sequence[str]] = ()
) -> InvalidInput | None:
    """Why these arguments are rejected; None if they are not, as far as texts, numbers and nulls are concerned.

    Args:
        options: An argument spec.
        given: The arguments, also before they were validated. Ansible's own, ``_ansible_*``, are not checked.
        one_of: Options of which one is required.
    """
    own = {name: value for name, value in given.items() if not str(name).startswith("_ansible_")}
    return (
        next(_complaints_about_texts(own), None)
        or next(_complaints_about_nulls(one_of, own, ""), None)
        or next(_complaints_about_values(options, own, ""), None)
    )


def out_of_range(option: str, limits: Range) -> InvalidInput:
    """The refusal of a number. ``option``: with the options that it is in."""
    return InvalidInput(
        option,
        f"it is not a number from {limits}",
        f"set a number of {limits.unit} from {limits.least} to {limits.most}",
    )


def _complaints_about_texts(given: Mapping[str, Any]) -> Iterator[InvalidInput]:
    """About all texts at any depth, and the names beside them. Without recursion, because the depth is the user's."""
    places: list[tuple[str, Any, int]] = [(_shown(name), value, 0) for name, value in reversed([*given.items()])]
    yield from (InvalidInput(_shown(name), *why) for name in given if (why := _complaint_about(name)) is not None)
    while places:
        place, value, depth = places.pop()
        if depth > _DEEPEST:
            yield InvalidInput(place, f"it is nested more than {_DEEPEST} levels deep", "set a value with fewer levels")
        elif isinstance(value, Mapping):
            for name in value:
                why = _complaint_about(name)
                if why is not None:
                    yield InvalidInput(place, f"a name in it is rejected: {why[0]}", why[1])
            places += [(f"{place}.{_shown(name)}", inner, depth + 1) for name, inner in reversed([*value.items()])]
        elif isinstance(value, (list, tuple)):
            places += [(f"{place}[{index}]", inner, depth + 1) for index, inner in reversed([*enumerate(value)])]
        else:
            why = _complaint_about(value)
            if why is not None:
                yield InvalidInput(place, *why)


def _complaint_about(text: Any) -> tuple[str, str] | None:
    """Problem and remedy of a text; None if there is none, and for other values."""
    if not isinstance(text, str):
        return None
    if len(text) > _LONGEST_TEXT:
        return f"it has {len(text)} characters", f"set a text of at most {_LONGEST_TEXT} characters"
    if "\0" in text:
        return "it contains a NUL character", "remove the character, which no service and no file name accepts"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return (
            "it contains half of a surrogate pair (U+D800 to U+DFFF), which is no character",
            "write it as Unicode text in UTF-8",
        )
    return None


def _complaints_about_values(
    options: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any], place: str
) -> Iterator[InvalidInput]:
    for option, kind in options.items():
        value = given.get(option)
        if value is None:
            continue
        if kind.get("type") in ("int", "float") and option in RANGES:
            number = _number(value)
            if number is not None and not _is_within(number, RANGES[option]):
                yield out_of_range(f"{place}{option}", RANGES[option])
        elif kind.get("no_log") and isinstance(value, (Mapping, list, tuple)):
            # Each text in it would be removed from the output: single letters, too.
            yield InvalidInput(
                f"{place}{option}", "it is not a text", "set it to the value itself, and no list or dictionary"
            )
        elif kind.get("options"):
            for name, inner in suboptions(option, value):
                yield from _complaints_about_nulls(kind.get("required_one_of") or (), inner, f"{place}{name}.")
                yield from _complaints_about_values(kind["options"], inner, f"{place}{name}.")


def _complaints_about_nulls(
    one_of: Iterable[Sequence[str]], given: Mapping[str, Any], place: str
) -> Iterator[InvalidInput]:
    """Ansible takes a null for a value of a required option. What is missing altogether, Ansible itself rejects."""
    for names in one_of:
        set_to_null = [name for name in names if name in given]
        if set_to_null and all(given[name] is None for name in set_to_null):
            problem = f"none of {', '.join(f'{place}{name}' for name in names)} has a value"
            yield InvalidInput(f"{place}{set_to_null[0]}", problem, "set one of them to a value")


def _is_within(number: decimal.Decimal, limits: Range) -> bool:
    # NaN is not comparable.
    return number.is_finite() and limits.least <= number <= limits.most


def _number(value: Any) -> decimal.Decimal | None:
    """The number that Ansible would take it for; None for what Ansible itself rejects by the name of the option."""
    if not isinstance(value, (str, int, float)):
        return None
    try:
        return decimal.Decimal(value.strip() if isinstance(value, str) else value)
    except decimal.DecimalException:
        return None


def suboptions(option: str, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The values of suboptions, and the names of their places: of a dict, of the text of one, or of a list of them."""
    if isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from suboptions(f"{option}[{index}]", inner)
        return
    found = as_dict(value)
    if found is not None:
        yield option, found


def as_dict(value: Any) -> Mapping[str, Any] | None:
    """The dict that Ansible takes a value for: itself, or a text of JSON or ``key=value``; None for what it rejects."""
    try:
        return value if isinstance(value, Mapping) else check_type_dict(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _shown(name: Any) -> str:
    return shortened(str(name), _LONGEST_NAME)
