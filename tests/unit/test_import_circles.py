"""No module of Instep imports itself by way of others, so modules can be read in the order of their imports."""

import ast
from collections.abc import Container, Iterator, Mapping, Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import instep

PACKAGE = Path(instep.__file__).parent


def modules(package: Path) -> Mapping[str, Path]:
    """The files of a package by the names of their modules."""
    names = {
        file: ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for file in sorted(package.rglob("*.py"))
    }
    return {name: file for file, name in names.items()}


def imports(file: Path, known: Container[str]) -> Iterator[str]:
    """Every module that a file imports by name: at the top, in functions, or for types alone."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str() as module, names=names):
                inner = (f"{module}.{alias.name}" for alias in names)
                yield from (name if name in known else module for name in inner)
            case _:
                pass


def graph(package: Path) -> dict[str, set[str]]:
    """Each module, and its imports from the package."""
    files = modules(package)
    return {
        name: {module for module in imports(file, files) if module in files} for name, file in files.items()
    }


def circles(imported: dict[str, set[str]]) -> Set[frozenset[str]]:
    """The modules of each circle. An import of each circle is taken away before the search for the next."""
    rest = {name: set(named) for name, named in imported.items()}
    listed: set[frozenset[str]] = set()
    while True:
        try:
            TopologicalSorter(rest).prepare()
        except CycleError as error:
            circle = error.args[1]
            listed.add(frozenset(circle))
            rest[circle[1]].discard(circle[0])
        else:
            return listed


def test_modules_import_in_no_circle() -> None:
    assert len(modules(PACKAGE)) > 100
    assert circles(graph(PACKAGE)) == set()


def write(package: Path, **texts: str) -> None:
    package.mkdir()
    (package / "__init__.py").touch()
    for name, text in texts.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")


def test_a_circle_is_found_wherever_the_import_stands(tmp_path: Path) -> None:
    write(
        tmp_path / "house",
        hall="from house import kitchen\nimport house.attic",
        kitchen="def cook():\n    from house.pantry import bread\n    return bread",
        pantry="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.hall\nbread = 1",
        attic="import json",
        cellar="import house.stairs",
        stairs="from house.cellar import wine",
    )
    assert circles(graph(tmp_path / "house")) == {
        frozenset({"house.hall", "house.kitchen", "house.pantry"}),
        frozenset({"house.cellar", "house.stairs"}),
    }


def test_modules_in_a_row_are_no_circle(tmp_path: Path) -> None:
    write(
        tmp_path / "house", hall="import house.kitchen", kitchen="import house.pantry", pantry="import house"
    )
    assert circles(graph(tmp_path / "house")) == set()
