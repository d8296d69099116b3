"""Writes an agreement's document as TOML, for people to read and change. Pure; `documents` reads such a text again."""

import json
from typing import Any

from instep.network.documents import Document


def as_toml(document: Document, schema: str | None = None) -> str:
    """The document as a file for people to read and change. `schema` is the path of the JSON Schema, for editors."""
    lines = [f"#:schema {schema}"] if schema else []
    lines += [
        f"{key} = {_value(value)}" for key, value in document.items() if key not in ("approved", "share")
    ]
    lines += [
        "# Who has approved. The agreement binds them, and nobody else. A line for each, such as:",
        '#     { authority = "leeds", by = "SIRO", on = 2027-03-02 },',
        "approved = [",
        *(
            f"    {{ {', '.join(f'{key} = {_value(value)}' for key, value in row.items())} }},"
            for row in document["approved"]
        ),
        "]",
    ]
    for share in document["share"]:
        lines += ["", "[[share]]", *(f"{key} = {_value(value)}" for key, value in share.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        items = [_value(item) for item in value]
        one_line = f"[{', '.join(items)}]"
        return one_line if len(one_line) <= 80 else "[\n" + "".join(f"    {item},\n" for item in items) + "]"
    if isinstance(value, str):
        # JSON's escapes are TOML's too, but for the one control character that JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)
