"""Reads a mapping file: the names that a council's own file gives to our columns.

    [columns]
    reference = "Account number"
    move_date = "Date of move"

The left side is a column of Instep's, the right side the heading in the file. Columns that are not named keep Instep's
heading.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from instep.adapters.csv_moves import COLUMNS
from instep.adapters.unicode_text import encoding_mark, encoding_of
from instep.errors import ConfigurationError


def _text(path: Path) -> str:
    """The text of the file; `>` of Windows PowerShell writes UTF-16. ValueError for any other encoding than UTF-8."""
    content = path.read_bytes()
    encoding = encoding_of(content)
    if encoding:
        return content.removeprefix(encoding_mark(encoding)).decode(encoding)
    return content.decode("utf-8-sig")


def load_mapping(path: Path) -> Mapping[str, str]:
    """The council's headings by our columns; raises ConfigurationError, naming the entry at fault."""
    try:
        document = tomllib.loads(_text(path))
    except OSError as error:
        raise ConfigurationError(f"The mapping file {path} cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise ConfigurationError(f"The mapping file {path} is not valid TOML ({error}).") from None
    columns = document.get("columns")
    if not isinstance(columns, dict) or document.keys() != {"columns"}:
        raise ConfigurationError(f"The mapping file {path} holds one table, [columns], and nothing else.")
    for column, heading in columns.items():
        if column not in COLUMNS:
            near = get_close_matches(column, COLUMNS, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise ConfigurationError(f"The mapping file {path}: {column} is not a column of Instep's{hint}")
        if not isinstance(heading, str) or not heading.strip():
            raise ConfigurationError(
                f"The mapping file {path}: {column} needs a heading, in quotation marks."
            )
    if len({heading.casefold() for heading in columns.values()}) < len(columns):
        raise ConfigurationError(f"The mapping file {path} gives one heading to two columns.")
    return MappingProxyType(columns)
