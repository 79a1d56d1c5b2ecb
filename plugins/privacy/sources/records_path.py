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
        self.each: tuple[tuple[str, ...], tuple[str, ...] | None] | None = _each(tree)
        """Of what goes through one list: the members that lead to it, and those that lead on in each of its elements
        (None: it picks or makes something); None: it does not."""
        self.leaf: tuple[str, ...] | None = _leaf(tree)
        """The members that lead to every value it can give, through lists unseen; None: that cannot be told."""
        self.tops: frozenset[str] | None = _tops(tree)
        """The members of the record that it looks into; None: any of them."""
        self.members: frozenset[str] | None = _members(tree)
        """The names of all members that it looks at, however deep; None: of any."""
        self.get: Callable[[Any], Any] = _compiled(tree) or self._evaluate

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


def _members(node: Node) -> frozenset[str] | None:
    if node["type"] == "field":
        return frozenset([node["value"]])
    if node["type"] == "value_projection":
        return None
    found = [_members(child) for child in node["children"]]
    return None if None in found else frozenset(name for part in found for name in part or ())


def _each(node: Node) -> tuple[tuple[str, ...], tuple[str, ...] | None] | None:
    if node["type"] not in ("projection", "filter_projection"):
        return None
    inner, outer = node["children"][0], node["children"][1]
    while inner["type"] == "flatten":
        (inner,) = inner["children"]
    base = _plain(inner)
    if base is None:
        return None
    return base, () if outer["type"] in ("identity", "current") else _plain(outer)


def _plain(node: Node) -> tuple[str, ...] | None:
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] == "subexpression":
        parts = [_plain(child) for child in node["children"]]
        return None if None in parts else tuple(name for part in parts for name in part or ())
    return None


def _compiled(node: Node) -> Callable[[Any], Any] | None:
    """A function that gives what the library would, many times faster; None: for a path of any less simple kind.

    Simple are members of members, a first of a list, and a list's elements of which a member is some text.
    """
    kind, children = node["type"], node["children"]
    if kind == "field":
        name = node["value"]
        return lambda value: value.get(name) if type(value) is dict else None
    if kind in ("identity", "current"):
        return lambda value: value
    if kind in ("subexpression", "pipe", "index_expression"):
        parts = [_first(child) if child["type"] == "index" else _compiled(child) for child in children]
        return _chain(parts)
    if kind == "filter_projection" and _is_text(children[2]):
        inner, outer = _compiled(children[0]), _compiled(children[1])
        return None if inner is None or outer is None else _filtered(inner, outer, children[2])
    return None


def _first(node: Node) -> Callable[[Any], Any] | None:
    return (lambda value: value[0] if type(value) is list and value else None) if node["value"] == 0 else None


def _chain(parts: list[Callable[[Any], Any] | None]) -> Callable[[Any], Any] | None:
    if len(parts) != 2 or parts[0] is None or parts[1] is None:
        return None
    one, other = parts[0], parts[1]
    return lambda value: other(one(value))


def _is_text(node: Node) -> bool:
    if node["type"] != "comparator" or node["value"] != "eq":
        return False
    field, literal = node["children"]
    return field["type"] == "field" and literal["type"] == "literal" and type(literal["value"]) is str


def _filtered(inner: Callable[[Any], Any], outer: Callable[[Any], Any], test: Node) -> Callable[[Any], Any]:
    name, text = (child["value"] for child in test["children"])

    def get(value: Any) -> Any:
        elements = inner(value)
        if type(elements) is not list:
            return None
        found = (outer(one) for one in elements if type(one) is dict and one.get(name) == text)
        return [one for one in found if one is not None]

    return get


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
