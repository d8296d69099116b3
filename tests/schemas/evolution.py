"""A second version of resident-moved, worked through: all that a change of a schema takes, and nothing public.

`evolved/` holds what is new: the next version (a field at the record's end, a symbol at an enum's end) and an example of it.
The rest of the change is the new field's personal-data class in `event.toml`, and the line in `versions.lock`.
"""

import shutil
from pathlib import Path

from instep.catalogue import lock
from instep.catalogue.files import default_directory

SCHEMAS = default_directory()
NEW = Path(__file__).parent / "evolved"
FIELD, SYMBOL = "household_size", "DEMOLITION"


def evolved(folder: Path, *, locked: bool = True) -> Path:
    """A copy of the catalogue, with version 1.1.0 of resident-moved too."""
    directory = Path(shutil.copytree(SCHEMAS, folder / "evolved"))
    shutil.copytree(NEW, directory, dirs_exist_ok=True)
    file = directory / "events/resident-moved/event.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('    "moved_on",\n', f'    "moved_on",\n    "{FIELD}",\n'), encoding="utf-8")
    if locked:
        (directory / lock.NAME).write_text(lock.with_new(directory), encoding="utf-8")
    return directory
