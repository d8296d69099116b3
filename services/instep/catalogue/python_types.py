"""Makes the text of the module `instep.client.types` from the schemas: a Python type for the plain JSON of every record.

A type that several schemas hold alike is written once. Where two types of a name differ, the later type has its schema's
name too (`BusinessRegisteredAddress`). A field without a default must be given. All others may be absent, since
`events/plain.py` leaves out nulls.
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
    """The text of the module; raises SchemaError where Python does not allow a field's name."""
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
        required = f"A NEW, CORRECT or REFRESH gives {', '.join(event_type.required)}."
        yield {**definition, "doc": f"{definition['doc']} {required}"}
    yield from (schema.definition for schema in catalogue.bus.values())


class _OfSchema:
    """The types of a schema, and their names in Python; `enums` and `classes` hold the types written so far."""

    def __init__(self, root: str, enums: dict[str, str], classes: dict[str, str]) -> None:
        self._root = root
        self._enums = enums
        self._classes = classes
        self._python_names: dict[str, str] = {}

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
        annotation = self._type(field["type"])
        yield f"    {field['name']}: {f'NotRequired[{annotation}]' if 'default' in field else annotation}"
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
                return _SCALARS.get(avro) or self._python_names[local(avro)]

    def _write(self, into: dict[str, str], name: str, lines: Callable[[str], list[str]]) -> str:
        """Writes a type under its name, or under its schema's and its own where that name is taken; gives the name."""
        text = "\n".join((*lines(name), ""))
        earlier = self._enums.get(name) or self._classes.get(name) or text
        python_name = name if earlier == text else f"{self._root}{name}"
        into[python_name] = "\n".join((*lines(python_name), ""))
        self._python_names[name] = python_name
        return python_name


def _docstring(doc: str) -> list[str]:
    safe = doc.replace("\\", "\\\\").replace('"""', "'''")
    if not safe:
        return []
    if len(safe) <= _WIDTH - len('    """"""'):
        return [f'    """{safe}"""']
    lines = wrap(f'"""{safe}', _WIDTH - 4, break_long_words=False)
    return indent("\n".join([*lines, '"""']), "    ").split("\n")
