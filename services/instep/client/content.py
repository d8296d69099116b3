"""Lists the fields of a plain event by their paths."""

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each field with a value, by its path; the items of a list share the path of the list."""
    for name, value in content.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from leaves(value, f"{path}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for each in value:
                yield from leaves(each, f"{path}.")
        else:
            yield path, value
