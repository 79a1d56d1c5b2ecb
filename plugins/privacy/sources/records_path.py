"""Where in a record a value stands: JMESPath, and what can be told of a path without evaluating it.

JMESPath, because boto3 brings its library along and its rules are a small, fixed specification. Plain dotted paths,
which most are, are followed directly; so is what they would find in a file's schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from privacy.errors import Unreadable

Record = Mapping[str, Any]
Node = dict[str, Any]

_THROUGH = ("index_expression", "flatten")
_ALL = ("or_expression", "and_expression", "not_expression", "comparator", "multi_select_list", "multi_select_dict",
    "function_expression")  # fmt: skip


class Path:
    """A compiled path.

    :param expression: JMESPath; ``names`` its parts, where it is a plain dotted path.
    :raises ValueError: it is no JMESPath; with what is wrong and where.
    """

    def __init__(self, expression: str) -> None:
        try:
            compiled = jmespath.compile(expression)
        except JMESPathError as problem:
            said = str(problem).splitlines()[0]
            raise ValueError(f"{expression!r} is no JMESPath ({said})") from None
        self.expression = expression
        self._search = compiled.search
        tree: Node = compiled.parsed
        self.names: tuple[str, ...] | None = _plain(tree)
        self.leaf: tuple[str, ...] | None = _leaf(tree)
        """The members that lead to every value it can give, through lists unseen; None: that cannot be told."""
        self.tops: frozenset[str] | None = _tops(tree)
        """The members of the record that it looks into; None: any of them."""
        self.get: Callable[[Record], Any] = self._follow() if self.names else self._evaluate

    def _follow(self) -> Callable[[Record], Any]:
        assert self.names is not None  # noqa: S101 - see __init__
        first, *rest = self.names
        if not rest:
            return lambda record: record.get(first)

        def get(record: Record) -> Any:
            value = record.get(first)
            for name in rest:
                if not isinstance(value, dict):
                    return None
                value = value.get(name)
            return value

        return get

    def _evaluate(self, record: Record) -> Any:
        try:
            return self._search(record)
        except (JMESPathError, RecursionError, ArithmeticError, ValueError, TypeError, AttributeError):
            # Its message quotes the value.
            raise Unreadable("records.path", "A path cannot be evaluated on a record.") from None

    def there(self, record: Record) -> bool:
        """Whether a record has what it looks for, be it null."""
        value: Any = record
        for name in self.names or ():
            if not isinstance(value, dict) or name not in value:
                return False
            value = value[name]
        return bool(self.names) or self.tops is None or not self.tops or any(top in record for top in self.tops)


def plain(expression: str) -> tuple[str, ...] | None:
    """The names of a plain dotted path; None: it is another. :raises ValueError: see :class:`Path`."""
    return Path(expression).names


def own(name: str) -> Path:
    """The path of a column without one: its own name."""
    return Path(f'"{name}"')


def _plain(node: Node) -> tuple[str, ...] | None:
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] == "subexpression":
        parts = [_plain(child) for child in node["children"]]
        return None if None in parts else tuple(name for part in parts for name in part or ())
    return None


def _leaf(node: Node) -> tuple[str, ...] | None:
    kind, children = node["type"], node["children"]
    if kind == "field":
        return (node["value"],)
    if kind in ("identity", "current", "index", "slice"):
        return ()
    if kind in ("subexpression", "projection", "filter_projection", "pipe", *_THROUGH):
        parts = [_leaf(child) for child in children[:2]]
        return None if None in parts else tuple(name for part in parts for name in part or ())
    return None


def _tops(node: Node) -> frozenset[str] | None:
    kind, children = node["type"], node["children"]
    if kind == "field":
        return frozenset([node["value"]])
    if kind in ("literal", "expref", "index", "slice"):
        return frozenset()
    if kind in ("subexpression", "projection", "filter_projection", "value_projection", "pipe", "key_val_pair",
            *_THROUGH):  # fmt: skip
        return _tops(children[0])
    if kind in _ALL:
        found = [_tops(child) for child in children]
        return None if None in found else frozenset(name for part in found for name in part or ())
    return None
