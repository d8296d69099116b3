"""Java's `.properties` files: how a value is written so that Java reads the same text."""

ENCODING = "latin-1"
"""In which Java reads such a file."""

_NAMED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}


def escaped(value: object) -> str:
    """A value as it stands behind `name=`.

    A backslash would begin an escape, a space at the beginning would be skipped, and a character outside ASCII would be
    read in another encoding.
    """
    text = "".join(map(_escaped, str(value)))
    return f"\\{text}" if text.startswith(" ") else text


def _escaped(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if " " <= character <= "~":
        return character
    # Two units for what lies beyond the first 65,536 characters.
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
