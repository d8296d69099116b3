"""What a run starts from: each example of the schemas, and each hostile record that is not large.

`python -m tests.fuzz.seeds` writes them to `corpus/`. The fuzzer's finds are there too, under names of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from instep.catalogue.files import default_directory
from instep.events.framing import frame
from instep.events.plain import from_plain
from instep.events.writer import encode
from tests.fuzz.target import pack
from tests.hostile.cases import Record, cases
from tests.hostile.entry import CATALOGUE, NOW, Entry

CORPUS = Path(__file__).parent / "corpus"
LARGEST = 2000
"""Bytes of an input: larger ones teach a fuzzer little and slow it down."""


def seeds(entry: Entry) -> Mapping[str, bytes]:
    """Inputs by file name."""
    made: dict[str, bytes] = {}
    for event_type in CATALOGUE.events.values():
        folder = default_directory() / "events" / event_type.name / "examples"
        for file in sorted(folder.glob("*.json")):
            datum = from_plain(event_type.latest, json.loads(file.read_text()))
            value = frame(entry.number(event_type.full_name), encode(event_type.latest, datum))
            record = Record(key=datum["header"]["subject_ref"].encode(), value=value)
            made[f"example-{event_type.name}-{file.stem}"] = pack(record)
    for case in cases(entry.number, NOW):
        name = re.sub(r"[^a-z0-9]+", "-", case.name.lower())
        record = case.hostile
        if len(record.headers) < 100 and all(len(name) < 256 for name, _ in record.headers):
            made[f"hostile-{name}"] = pack(record)
    return {name: data for name, data in made.items() if len(data) <= LARGEST}


def main() -> None:
    CORPUS.mkdir(exist_ok=True)
    for name, data in seeds(Entry()).items():
        (CORPUS / name).write_bytes(data)


if __name__ == "__main__":
    main()
