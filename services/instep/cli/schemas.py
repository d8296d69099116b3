"""Defines the commands `instep schemas list | show | check | diff | types`: the catalogue of schemas, for people.

They list and show schemas, prove the catalogue sound, show the changes between two versions, and write the Python types of
records. The work is done in `catalogue/`.
"""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from instep import client
from instep.catalogue import difference, lock, python_types
from instep.catalogue.compatibility import problems_between
from instep.catalogue.files import load_catalogue, load_schema, schemas_directory
from instep.catalogue.lint import lint
from instep.cli.output import OutputForm, OutputOption, note, show, show_lines, stdout
from instep.errors import SchemaError
from instep.events.schema import Catalogue, EventType, Schema

TYPES = Path(client.__file__).with_name("types.py")

app = typer.Typer(
    no_args_is_help=True,
    help="The catalogue of schemas: which events may be published, and whether the catalogue is sound.",
)

DirectoryOption = Annotated[
    Path | None,
    typer.Option("--directory", help="The catalogue's directory, if not INSTEP_SCHEMAS_DIR or Instep's own."),
]


def register(root: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    root.add_typer(app, name="schemas")


@app.command("list")
def list_schemas(
    ids: Annotated[
        bool, typer.Option("--ids", help="Ask the network for each schema's ids as well.")
    ] = False,
    directory: DirectoryOption = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """List every schema for publishers and recipients: events, and the bus's own records."""
    catalogue = load_catalogue(_directory(directory))
    ids_of = _ids() if ids else {}
    columns = ("name", "version", "full_name", "kind", *(("id", "older_ids") if ids else ()))
    show(output, columns, [_row(schema, ids_of, ids=ids) for schema in catalogue.schemas])


@app.command("show")
def show_schema(
    name: Annotated[str, typer.Argument(help="For example resident-moved, or uk.instep.ResidentMoved.")],
    version: Annotated[str, typer.Option("--version", help="The version, if not the newest.")] = "",
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the Avro schema itself, as in a registry.")
    ] = False,
    directory: DirectoryOption = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Show publishers and recipients a schema: each field, its meaning, its personal-data class, whether it is required."""
    catalogue = load_catalogue(_directory(directory))
    schema = _find(catalogue, name, version)
    if raw:
        # Text, not rich: the schema is for a file or another program, whatever the terminal's width.
        typer.echo(json.dumps(schema.definition, indent=2, ensure_ascii=False))
        return
    event_type = catalogue.events.get(schema.name) if schema.kind == "event" else None
    rows = list(_fields(schema, event_type))
    if output is OutputForm.JSON:
        show_lines(rows)
        return
    stdout().print(_heading(schema, event_type), soft_wrap=True)
    columns = ("field", "type", "class", "required", "doc") if event_type else ("field", "type", "doc")
    show(output, columns, map(_readable, rows))


@app.command("check")
def lint_schemas(
    accept_new: Annotated[
        bool,
        typer.Option(
            "--accept-new",
            help="Lock new versions, if the catalogue is sound; from then on they can never change.",
        ),
    ] = False,
    directory: DirectoryOption = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Prove the catalogue sound for authors of schemas: safe to decode, compatible, classified, unchanged, with examples."""
    where = _directory(directory)
    problems = lint(where, accept_new=accept_new)
    if problems:
        show(output, ("file", "message"), map(asdict, problems))
        raise typer.Exit(1)
    if accept_new:
        (where / lock.NAME).write_text(lock.with_new(where), encoding="utf-8")
    catalogue = load_catalogue(where)
    note(f"{len(catalogue.schemas)} schemas and {len(list(where.rglob('*.json')))} examples are sound.")


@app.command("diff")
def diff(
    old: Annotated[
        str, typer.Argument(help="For example resident-moved@1.0.0, or a file that ends in .avsc.")
    ],
    new: Annotated[
        str, typer.Argument(help="For example resident-moved@1.1.0; without a version, the newest.")
    ],
    directory: DirectoryOption = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Show the changes that a recipient would notice between two schemas."""
    catalogue = load_catalogue(_directory(directory))
    before, after = _either(catalogue, old), _either(catalogue, new)
    event_type = catalogue.events.get(after.name)
    changes = difference.differences(before, after, event_type.classes if event_type else {})
    if output is OutputForm.JSON:
        show_lines(map(asdict, changes))
        return
    lines = [difference.verdict(before, after), *(str(change) for change in changes)]
    lines += [f"Breaks: {problem}" for problem in problems_between(before.definition, after.definition)]
    stdout().print("\n".join(lines), soft_wrap=True)


@app.command("types")
def types(
    write: Annotated[
        bool, typer.Option("--write", help="Write the types to instep.client.types, rather than show them.")
    ] = False,
    directory: DirectoryOption = None,
) -> None:
    """Make the Python types of every record from the schemas, for publishers' and recipients' own programs."""
    text = python_types.source(load_catalogue(_directory(directory)))
    if write:
        TYPES.write_text(text, encoding="utf-8")
        note(f"{TYPES} is written.")
    else:
        typer.echo(text, nl=False)


def _directory(given: Path | None) -> Path:
    return given or schemas_directory(os.environ)


def _ids() -> dict[tuple[str, str], list[int]]:
    """The connected network's ids by (full name, version); the id that is written with comes first."""
    from instep.kafka.connection import from_env
    from instep.kafka.follow import read_network

    network = asyncio.run(read_network(from_env(os.environ)))
    numbers: dict[tuple[str, str], list[int]] = {}
    for number, pair in network.schemas.items():
        numbers.setdefault(pair, []).append(number)
    return numbers


def _row(schema: Schema, ids_of: Mapping[tuple[str, str], list[int]], *, ids: bool) -> dict[str, Any]:
    row = {"name": schema.name, "version": schema.version, "full_name": schema.full_name, "kind": schema.kind}
    if not ids:
        return row
    written, *older = ids_of.get((schema.full_name, schema.version), [None])
    return {**row, "id": written, "older_ids": older}


def _find(catalogue: Catalogue, name: str, version: str) -> Schema:
    named = [schema for schema in catalogue.schemas if name in (schema.name, schema.full_name)]
    chosen = [schema for schema in named if version in ("", schema.version)]
    if chosen:
        return chosen[-1]
    if named:
        raise SchemaError(
            f"There is no version {version} of {name}: there is {', '.join(s.version for s in named)}."
        )
    raise SchemaError(f"There is no schema {name}: see `instep schemas list`.")


def _either(catalogue: Catalogue, named: str) -> Schema:
    """The schema of a file, or of a name with or without `@version`; a file has the name of its folder."""
    if named.endswith(".avsc"):
        file = Path(named)
        return load_schema(file, name=file.absolute().parent.name, kind="event")
    name, _, version = named.partition("@")
    return _find(catalogue, name, version)


def _fields(schema: Schema, event_type: EventType | None) -> Iterator[dict[str, Any]]:
    for path, field in schema.fields.items():
        row: dict[str, Any] = {
            "field": path,
            "type": f"{field.type_name}[]" if field.array else field.type_name,
            "doc": field.doc,
        }
        if field.symbols:
            row["symbols"] = list(field.symbols)
        if event_type:
            row["class"] = event_type.classes.get(path, "")
            row["required"] = path in event_type.required or field.needed
        yield row


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    choice = f" One of {', '.join(row['symbols'])}." if "symbols" in row else ""
    return {**row, "required": "yes" if row.get("required") else "", "doc": row["doc"] + choice}


def _heading(schema: Schema, event_type: EventType | None) -> str:
    lines = [f"{schema.full_name} {schema.version}: {schema.definition['doc']}"]
    if event_type:
        lines += [event_type.purpose, f"Published by: {event_type.owner}."]
        if event_type.duty:
            lines.append(f"{event_type.duty.law}: {event_type.duty.text}")
    return "\n".join((*lines, ""))
