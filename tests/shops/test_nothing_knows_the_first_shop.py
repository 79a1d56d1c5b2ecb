"""Nothing in plugins/ or dags/ knows the first shop: neither its name, nor its people's helpers, nor its tables."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FIRST = ROOT / "include"
FILES = sorted(
    p for top in ("plugins", "dags") for p in (ROOT / top).rglob("*") if p.is_file() and "__pycache__" not in p.parts
)
GENERAL = {"google", "marketing"}
"""Words of the first shop that are words of everybody's too."""


@cache
def names() -> set[str]:
    """What only the first shop is called: controller, domain, processors, tables, columns of two words or more."""
    policy: dict = {}
    for file in (FIRST / "policy").glob("*.yaml"):
        policy |= yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
    found = {policy["controller"], policy["contact"]["email"].partition("@")[2], *policy["processors"]}
    found |= {p["name"] for p in policy["processors"].values()}
    for file in (FIRST / "datamap").glob("*.yaml"):
        system = yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
        found |= {f"{system['system']}.{kind}" for kind in system.get("identity", {}).get("kinds", {})}
        found |= {d["owner"] for d in system["datasets"].values()}
        for name, dataset in system["datasets"].items():
            found |= {name} if "_" in name else set()
            found |= {e for example in dataset.get("examples", ()) for e in map(str, example.values()) if len(e) > 4}
    return {name for name in found if name.casefold() not in GENERAL}


def words(file: Path) -> Iterator[tuple[int, str]]:
    """A Python file's code without comments and docstrings (examples may stand there); any other file's lines."""
    if file.suffix != ".py":
        yield from enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        return
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline):
        starts = before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
        if token.type in (tokenize.NL, tokenize.COMMENT):
            continue
        if token.type in (tokenize.NAME, tokenize.STRING) and not (token.type == tokenize.STRING and starts):
            yield token.start[0], token.string
        before = token.type


def pattern() -> re.Pattern[str]:
    known = sorted(names(), key=len, reverse=True)
    return re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, known))})(?!\w)", re.IGNORECASE)


def test_the_first_shop_has_names_to_look_for():
    assert {"Diamonto", "diamonto.example", "polderhosting", "shop.customer_id", "order_lines"} <= names()
    assert pattern().findall("SELECT 1 FROM order_lines") == ["order_lines"]
    assert pattern().findall("of Diamonto's") == ["Diamonto"]
    assert pattern().findall("my_order_lines") == []


def test_the_files_are_there():
    assert {"base.py", "export_subject.py", "privacy_plugin.py"} <= {file.name for file in FILES}


def test_no_code_knows_a_name_of_the_first_shop():
    known, lower = pattern(), {name.casefold() for name in names()}
    texts = {file: file.read_text(encoding="utf-8", errors="replace").casefold() for file in FILES}
    # Most files have none of these letters at all, which is soon seen.
    suspects = [file for file, text in texts.items() if any(name in text for name in lower)]
    found = [
        (file.relative_to(ROOT).as_posix(), line, known.findall(text))
        for file in suspects
        for line, text in words(file)
        if known.search(text)
    ]
    assert found == []


def test_not_even_a_comment_names_the_first_shop():
    texts = {file: file.read_text(encoding="utf-8", errors="replace").casefold() for file in FILES}
    assert [file for file, text in texts.items() if "diamonto" in text or "jewel" in text] == []
