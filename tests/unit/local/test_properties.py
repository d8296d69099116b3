"""Properties files: Java reads back the very text, whatever stands in it."""

import re
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instep.local.kafka import server_properties
from instep.local.properties import ENCODING, escaped
from instep.local.secured import Tls, secured_properties

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def as_java_reads(file: bytes) -> dict[str, str]:
    """`java.util.Properties.load` for a file of `name=value` lines, as its documentation has it."""
    found = {}
    for line in re.split(r"\r\n|\n|\r", file.decode("latin-1")):
        if not line.lstrip(" \t\f") or line.lstrip(" \t\f")[0] in "#!":
            continue
        assert not re.search(r"(?<!\\)(?:\\\\)*\\$", line), "a line that goes on in the next"
        name, _, value = line.partition("=")
        units = _ESCAPE.sub(_unescaped, value.lstrip(" \t\f"))
        found[name] = units.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return found


def _unescaped(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return _NAMED.get(escape[2], escape[2])


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("C:\\Users\\Jörg\\neu\\u0041\\")
@example("/srv/Überprüfung – ø/日本/👍 ")
@example("  begins with spaces")
@example("a=b:c#d!e")
@example("two\nlines\r\tand\fmore")
def test_java_reads_back_what_was_written(text: str) -> None:
    file = f"# first\nbefore=1\nvalue={escaped(text)}\nafter=2\n".encode(ENCODING)
    assert as_java_reads(file) == {"before": "1", "value": text, "after": "2"}
    assert file.isascii()


@pytest.mark.parametrize(
    "directory",
    [Path("/srv/Überprüfung – ø"), Path("/srv/ends with \\"), PureWindowsPath("C:\\Users\\Ærø\\")],
)
def test_a_broker_finds_its_own_files_wherever_they_are(directory: Path) -> None:
    tls = Tls(directory=directory / "tls")
    file = server_properties(directory / "data", 1, 2) + secured_properties(tls, 1, 2, 3)
    read = as_java_reads(file.encode(ENCODING))
    assert read["log.dirs"] == str(directory / "data")
    assert read["ssl.keystore.location"] == str(tls.broker)
    assert read["ssl.truststore.location"] == str(tls.ca)
