# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small part of the language of Azure Resource Graph: where, project, order by, limit. All else is refused.

Sources: learn.microsoft.com, "Understanding the Azure Resource Graph query language", and the reference of Kusto for the
string operators: those with a tilde, `contains`, `has`, `startswith` and `endswith` ignore letter case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
Expression = Callable[[Row], Any]
Predicate = Callable[[Row], bool]
Step = Callable[[Iterable[Row]], Iterable[Row]]

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>@?'(?:[^'\\]|\\.)*'|@?"(?:[^"\\]|\\.)*")
        |(?P<number>\d+)
        |(?P<name>!?[A-Za-z_][\w~]*)
        |(?P<sign>==|=~|!=|!~|[|(),.=]))""",
    re.VERBOSE,
)


class QueryError(Exception):
    """Where the query is not understood. `token` is what stands there."""

    def __init__(self, token: str, position: int) -> None:
        super().__init__(token)
        self.token = token
        self.position = position


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


@dataclass
class Query:
    """A parsed query: its table, and the steps through which the table's rows go."""

    table: str
    filters: list[Predicate] = field(default_factory=list)
    """What the query begins with."""
    steps: list[Step] = field(default_factory=list)

    def run(self, rows: Iterable[Row], permitted: Predicate) -> list[Row]:
        """The rows that the query leaves of the permitted ones. To ask for rights costs more than the first filters."""
        kept: Iterable[Row] = [row for row in rows if all(holds(row) for holds in self.filters) and permitted(row)]
        for step in self.steps:
            kept = step(kept)
        return list(kept)


def parse(text: str) -> Query:
    return _Parser(list(_tokens(text)), len(text)).query()


def _tokens(text: str) -> Iterator[_Token]:
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            raise QueryError(text[position:].split()[0][:1], position)
        kind = str(found.lastgroup)
        yield _Token(kind, found[kind], found.start(kind))
        position = found.end()


class _Parser:
    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._end = _Token("end", "<EOF>", length)

    # The pipeline ----------------------------------------------------------------------------------------------------

    def query(self) -> Query:
        table = self._take("name").text.lower()
        if table not in ("resources", "resourcecontainers"):
            raise QueryError(table, 0)
        query = Query(table)
        while self._next.kind != "end":
            self._sign("|")
            if self._next.text == "where" and not query.steps:
                self._at += 1
                query.filters.append(self._either())
            else:
                query.steps.append(self._step())
        return query

    def _step(self) -> Step:
        operator = self._take("name")
        if operator.text == "where":
            return _filtering(self._either())
        if operator.text == "project":
            return _projecting(dict(self._columns()))
        if operator.text in ("order", "sort"):
            return self._order()
        if operator.text in ("limit", "take"):
            count = int(self._take("number").text)
            return lambda rows: list(rows)[:count]
        raise QueryError(operator.text, operator.position)

    def _columns(self) -> Iterator[tuple[str, Expression]]:
        while True:
            first = self._next
            expression = self._expression()
            if self._is("="):
                self._at += 1
                yield first.text, self._expression()
            else:
                yield self._path_name(first), expression
            if not self._is(","):
                return
            self._at += 1

    def _path_name(self, first: _Token) -> str:
        """Kusto's name of a column that a path yields: its parts, joined by an underscore."""
        return "_".join(
            token.text for token in self._tokens[self._tokens.index(first) : self._at] if token.kind == "name"
        )

    def _order(self) -> Step:
        self._word("by")
        expression = self._expression()
        descending = True
        if self._next.text in ("asc", "desc"):
            descending = self._advance().text == "desc"
        return lambda rows: sorted(rows, key=lambda row: _text(expression(row)).lower(), reverse=descending)

    # Predicates ------------------------------------------------------------------------------------------------------

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._next.text == "or":
            self._at += 1
            parts.append(self._both())
        return lambda row: any(part(row) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._single()]
        while self._next.text == "and":
            self._at += 1
            parts.append(self._single())
        return lambda row: all(part(row) for part in parts)

    def _single(self) -> Predicate:
        if self._next.text == "not":
            self._at += 1
            self._sign("(")
            inner = self._either()
            self._sign(")")
            return lambda row: not inner(row)
        if self._is("("):
            self._at += 1
            inner = self._either()
            self._sign(")")
            return inner
        left = self._expression()
        operator = self._advance()
        if operator.text in ("in", "in~", "!in", "!in~"):
            return _membership(left, operator.text, self._list())
        compare = _OPERATORS.get(operator.text)
        if compare is None:
            raise QueryError(operator.text, operator.position)
        right = self._expression()
        return lambda row: compare(_text(left(row)), _text(right(row)))

    def _list(self) -> list[str]:
        self._sign("(")
        values = [self._string()]
        while self._is(","):
            self._at += 1
            values.append(self._string())
        self._sign(")")
        return values

    # Values ----------------------------------------------------------------------------------------------------------

    def _expression(self) -> Expression:
        if self._next.kind == "string":
            text = self._string()
            return lambda _row: text
        name = self._take("name")
        if self._is("("):
            function = _FUNCTIONS.get(name.text)
            if function is None:
                raise QueryError(name.text, name.position)
            self._at += 1
            inner = self._expression()
            self._sign(")")
            return lambda row: function(_text(inner(row)))
        path = [name.text]
        while self._is("."):
            self._at += 1
            path.append(self._take("name").text)
        return lambda row: _reached(row, path, name)

    def _string(self) -> str:
        token = self._take("string")
        if token.text.startswith("@"):
            return token.text[2:-1]
        return re.sub(r"\\(.)", r"\1", token.text[1:-1])

    # Tokens ----------------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else self._end

    def _advance(self) -> _Token:
        found = self._next
        self._at += 1
        return found

    def _take(self, kind: str) -> _Token:
        found = self._advance()
        if found.kind != kind:
            raise QueryError(found.text, found.position)
        return found

    def _is(self, sign: str) -> bool:
        return self._next.kind == "sign" and self._next.text == sign

    def _sign(self, sign: str) -> None:
        if not self._is(sign):
            raise QueryError(self._next.text, self._next.position)
        self._at += 1

    def _word(self, word: str) -> None:
        found = self._take("name")
        if found.text != word:
            raise QueryError(found.text, found.position)


def _filtering(predicate: Predicate) -> Step:
    return lambda rows: [row for row in rows if predicate(row)]


def _projecting(columns: dict[str, Expression]) -> Step:
    return lambda rows: [{name: value(row) for name, value in columns.items()} for row in rows]


def _membership(left: Expression, operator: str, values: list[str]) -> Predicate:
    folded = operator.endswith("~")
    wanted = {value.lower() if folded else value for value in values}

    def holds(row: Row) -> bool:
        text = _text(left(row))
        return ((text.lower() if folded else text) in wanted) is not operator.startswith("!")

    return holds


def _reached(row: Row, path: list[str], first: _Token) -> Any:
    """A column, or what a path below it leads to: null where it ends before."""
    if path[0] not in row:
        raise QueryError(path[0], first.position)
    found: Any = row[path[0]]
    for part in path[1:]:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _text(value: Any) -> str:
    """A value as string operators see it: a dynamic one as JSON, null as nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _has(text: str, term: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(term)}(?![A-Za-z0-9])", text, re.IGNORECASE) is not None


_FUNCTIONS: dict[str, Callable[[str], str]] = {
    "tostring": lambda text: text,
    "string": lambda text: text,
    "tolower": str.lower,
    "toupper": str.upper,
}
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "=~": lambda left, right: left.lower() == right.lower(),
    "!~": lambda left, right: left.lower() != right.lower(),
    "contains": lambda left, right: right.lower() in left.lower(),
    "!contains": lambda left, right: right.lower() not in left.lower(),
    "contains_cs": lambda left, right: right in left,
    "has": _has,
    "!has": lambda left, right: not _has(left, right),
    "startswith": lambda left, right: left.lower().startswith(right.lower()),
    "endswith": lambda left, right: left.lower().endswith(right.lower()),
}
