"""Generated code that people can read: a golden file for each kind, made from resident-moved.

`python -m tests.unit.events.generated_code` writes the files anew. A change in them is a change of what runs for every
event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from instep.events import splice
from instep.events.part import _PartReader
from instep.events.reader import _Reader
from instep.events.rules import _RuleWriter
from instep.events.splice import Form, form
from instep.events.writer import _Writer
from tests.unit.events.sample import MOVED

GOLDEN = Path(__file__).parent / "golden"
COMMAND = "python -m tests.unit.events.generated_code"
SCHEMA = MOVED.latest
SHARED = (
    "moved_on",
    "new_address.authority_gss",
    "new_address.postcode",
    "person.family_name",
    "person.local_references.value",
)
"""Paths that an agreement may share: a leaf, leaves of a record, and a leaf of the records of an array."""
READ = frozenset(
    {
        "header.source",
        "header.recorded_at",
        "moved_on",
        "new_address.authority_gss",
        "person.local_references",
        "reason",
    }
)
"""Paths to read without decoding the event: a leaf of each kind, and whether an array is there."""
NAMED = {
    "<texts>": splice._Form(SCHEMA)._array("string"),
    "<text>": splice._TEXT,
    "<long>": splice._LONG,
    "<int>": splice._INT,
}
"""Expressions that stand in a form many times."""


def golden_files() -> Mapping[str, str]:
    """The text of each file by its name."""
    codes = {
        "reader": _Reader(SCHEMA).code(),
        "writer": _Writer(SCHEMA, None).code(),
        "blanking-writer": _Writer(SCHEMA, SHARED).code(),
        "rule": _RuleWriter(MOVED).code(),
        "part-reader": _PartReader(SCHEMA, READ).code(),
        "splicer": splice._Splicer(SCHEMA, SHARED, SCHEMA.parsed).event_code(),
    }
    head = f"# Generated from {SCHEMA.full_name} {SCHEMA.version}; written by `{COMMAND}`.\n\n"
    files = {f"{MOVED.name}.{kind}.py.txt": f"{head}{code}" for kind, code in codes.items()}
    return {**files, f"{MOVED.name}.form.txt": f"{head}{form_text(form(SCHEMA))}"}


def form_text(event_form: Form) -> str:
    """The expression with a line for each group (its number, its path, its part), then the expressions with names."""
    paths = {number: path for path, number in event_form.groups.items()}
    width = max(map(len, paths.values()))
    lines = [
        f"{number:3} {paths[number]:{width}} {'  ' * paths[number].count('.')}{part}\n"
        for number, part in enumerate(parts(event_form), start=1)
    ]
    for name, expression in NAMED.items():
        lines += [f"\n{name}\n", *(f"    {line}\n" for line in alternatives(with_names(expression, name)))]
    return "".join(lines)


def parts(event_form: Form) -> Iterator[str]:
    """The expression, cut before each group that has a number."""
    pattern = with_names(event_form.expression.pattern)
    starts = [at for at, sign in enumerate(pattern) if sign == "(" and pattern[at + 1] != "?"]
    assert starts[0] == 0
    for start, end in zip(starts, [*starts[1:], len(pattern)], strict=True):
        yield pattern[start:end]


def with_names(expression: bytes, but: str = "") -> str:
    """The expression, with names for those that have any."""
    text = expression.decode("latin-1")
    for name, named in NAMED.items():
        if name != but:
            text = text.replace(named.decode("latin-1"), name)
    return text


def without_names(text: str) -> bytes:
    for name, named in NAMED.items():
        text = text.replace(name, named.decode("latin-1"))
    return text.encode("latin-1")


def alternatives(expression: str) -> Iterator[str]:
    """The expression in lines, cut at its alternatives; control characters are written as `\\x…`."""
    printable = re.sub(r"\\?([\x00-\x1f])", lambda match: f"\\x{ord(match[1]):02x}", expression)
    line = ""
    for alternative in re.split(r"(?<!\\)(?=\|)", printable):
        if len(line) + len(alternative) > 100:
            yield line
            line = ""
        line += alternative
    yield line


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, text in golden_files().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
