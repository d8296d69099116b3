"""What a plain event says, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each field that says something, by its path; items of a list share their list's path."""
    for name, value in content.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from leaves(value, f"{path}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for each in value:
                yield from leaves(each, f"{path}.")
        else:
            yield path, value
