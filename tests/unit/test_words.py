"""Docstrings name their subjects, and names say what they hold."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import instep

SOURCES = sorted(Path(instep.__file__).parent.rglob("*.py"))
VAGUE = frozenset({"it", "that", "what", "which", "one", "these"})
LARGEST_SHARE = 0.06
SAYS_NOTHING = frozenset({"told", "_told"})


def docstrings(tree: ast.AST) -> Iterator[str]:
    """The docstrings of modules, classes, functions and attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str() as text)):
                yield text


def names(tree: ast.AST) -> Iterator[str]:
    """Every name that the code binds or reads, attributes and parameters too."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:'[a-z]+)?", re.sub(r"`[^`]*`", " x ", text.lower()))


def test_docstrings_seldom_lean_on_words_without_a_subject() -> None:
    counted = Counter(
        word
        for file in SOURCES
        for text in docstrings(ast.parse(file.read_text(encoding="utf-8")))
        for word in words_of(text)
    )
    share = sum(counted[word] for word in VAGUE) / counted.total()
    assert counted.total() > 30_000, "the docstrings were found"
    assert share <= LARGEST_SHARE


@pytest.mark.parametrize("text", ["What of it is told, and to whom, is what these say.", "One that it is."])
def test_such_a_docstring_is_counted(text: str) -> None:
    words = words_of(text)
    assert sum(word in VAGUE for word in words) / len(words) > LARGEST_SHARE


def test_no_name_says_nothing() -> None:
    found = [
        f"{file.name}: {name}"
        for file in SOURCES
        for name in names(ast.parse(file.read_text(encoding="utf-8")))
        if name in SAYS_NOTHING
    ]
    assert found == []


def test_a_class_has_a_name_of_its_own() -> None:
    """Names of the types that are made from schemas are the schemas' own."""
    homes: dict[str, list[str]] = {}
    for file in SOURCES:
        if file.parts[-2:] != ("client", "types.py"):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes.setdefault(node.name, []).append(file.name)
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}
