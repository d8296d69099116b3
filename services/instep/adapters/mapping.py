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
from instep.errors import ConfigurationError


def load_mapping(path: Path) -> Mapping[str, str]:
    """The council's headings by our columns; raises ConfigurationError, naming the entry at fault."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
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
