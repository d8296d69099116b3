"""Python types of the plain JSON form of every record, written from the schemas: the text of `instep.client.types`.

A type of one name that two schemas hold alike is written once; where they differ, the later one carries its schema's name
too (`BusinessRegisteredAddress`). A field without a default must be given; all others may be absent, and absent is what
`plain` makes of null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from keyword import iskeyword
from textwrap import indent, wrap
from typing import Any

from instep.catalogue.definitions import local
from instep.errors import SchemaError
from instep.events.schema import Catalogue

HEAD = '''"""Events and records as plain JSON, typed: editors complete `new_address.postcode`, mypy finds a misspelt symbol.

    from instep.client.types import ResidentMoved

    event: ResidentMoved = {"header": {...}, "new_address": {"postcode": "LS1 4AP"}, "residence": "MAIN"}

Written from the newest version of each schema by `instep schemas types --write`; edit the schemas, not this file. What is
not known is left out. Types say how a record is written, not whether it is sound: intake's rules say that.
"""

from typing import Literal, NotRequired, TypedDict

Date = str
"""A day, such as 2026-04-01."""

Timestamp = str
"""A moment with its zone, such as 2026-04-01T09:30:00Z."""

Uuid = str
"""Such as 0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52."""
'''
_SCALARS = {"string": "str", "int": "int", "long": "int", "boolean": "bool"}
_LOGICAL = {"date": "Date", "timestamp-millis": "Timestamp", "uuid": "Uuid"}
_WIDTH = 110


def source(catalogue: Catalogue) -> str:
    """The whole module; raises SchemaError where a field's name cannot be one in Python."""
    enums: dict[str, str] = {}
    classes: dict[str, str] = {}
    for definition in _definitions(catalogue):
        _OfSchema(definition["name"], enums, classes).record(definition)
    return "".join(
        (HEAD, *(f"\n{text}" for text in enums.values()), *(f"\n\n{text}" for text in classes.values()))
    )


def _definitions(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    yield catalogue.header.definition
    for event_type in catalogue.events.values():
        definition = event_type.latest.definition
        asked = f"A NEW, CORRECT or REFRESH gives {', '.join(event_type.required)}."
        yield {**definition, "doc": f"{definition['doc']} {asked}"}
    yield from (schema.definition for schema in catalogue.bus.values())


class _OfSchema:
    """The types of one schema, and what they came to be called; `enums` and `classes` are all that are written so far."""

    def __init__(self, root: str, enums: dict[str, str], classes: dict[str, str]) -> None:
        self._root = root
        self._enums = enums
        self._classes = classes
        self._called: dict[str, str] = {}

    def record(self, record: dict[str, Any]) -> str:
        fields = [line for field in record["fields"] for line in self._field(field)]  # their types come first
        return self._write(
            self._classes,
            record["name"],
            lambda name: [f"class {name}(TypedDict):", *_docstring(record["doc"]), "", *fields],
        )

    def _enum(self, enum: dict[str, Any]) -> str:
        symbols = [f'    "{symbol}",' for symbol in enum["symbols"]]
        return self._write(self._enums, enum["name"], lambda name: [f"{name} = Literal[", *symbols, "]"])

    def _field(self, field: dict[str, Any]) -> Iterator[str]:
        if iskeyword(field["name"]):
            raise SchemaError(f"{self._root}: {field['name']} is a word of Python, and no field's name.")
        python_type = self._type(field["type"])
        yield f"    {field['name']}: {f'NotRequired[{python_type}]' if 'default' in field else python_type}"
        yield from _docstring(field.get("doc", ""))

    def _type(self, avro: Any) -> str:
        match avro:
            case ["null", other]:
                return self._type(other)
            case {"type": "array", "items": items}:
                return f"list[{self._type(items)}]"
            case {"type": "record"}:
                return self.record(avro)
            case {"type": "enum"}:
                return self._enum(avro)
            case {"logicalType": str() as logical}:
                return _LOGICAL[logical]
            case {"type": str() as scalar}:
                return _SCALARS[scalar]
            case _:
                return _SCALARS.get(avro) or self._called[local(avro)]

    def _write(self, into: dict[str, str], name: str, lines: Callable[[str], list[str]]) -> str:
        """Write a type under its name, or under the schema's and its own where another has that; says which."""
        text = "\n".join((*lines(name), ""))
        known = self._enums.get(name) or self._classes.get(name) or text
        called = name if known == text else f"{self._root}{name}"
        into[called] = "\n".join((*lines(called), ""))
        self._called[name] = called
        return called


def _docstring(doc: str) -> list[str]:
    safe = doc.replace("\\", "\\\\").replace('"""', "'''")
    if not safe:
        return []
    if len(safe) <= _WIDTH - len('    """"""'):
        return [f'    """{safe}"""']
    lines = wrap(f'"""{safe}', _WIDTH - 4, break_long_words=False)
    return indent("\n".join([*lines, '"""']), "    ").split("\n")
