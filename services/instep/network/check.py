"""Check: whether a network's directory is sound, without a broker; every problem at its file and line.

An error keeps the network from being applied. A warning is what its people should know: a party that has not approved,
an agreement that is about to run out.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from instep.events.catalogue import Catalogue, EventType
from instep.network import documents, terms
from instep.network.access import unknown_principals
from instep.network.authorities import Authority, LineFault, read_aliases, read_authorities
from instep.network.census import alias_faults, authority_faults
from instep.network.days import today_in_london
from instep.network.documents import Fault
from instep.network.network import load, settings_faults
from instep.network.problems import Lines, Problem, Severity

LARGEST = 4 << 20
"""Bytes of a file of a network: a hundred times what the largest one has."""
NOTES = (".md", ".txt")
"""What may lie beside agreements."""
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")


def check(directory: Path, catalogue: Catalogue, today: date | None = None) -> list[Problem]:
    """Every problem of the directory, by file and line; empty when it is sound. `today` (London) is now by default."""
    day = today or today_in_london(int(datetime.now(UTC).timestamp() * 1000))
    authorities_file = directory / "authorities.csv"
    text, problems = _read(authorities_file)
    rows, faults = read_authorities(text)
    known = {id: one for id, (_, one) in rows.items()}
    if not problems:
        problems += [_on_line(authorities_file, fault) for fault in (*faults, *authority_faults(rows))]
    problems += _aliases(directory / "gss_aliases.csv", known)
    problems += _settings(directory / "network.toml")
    for file in sorted((directory / "agreements").glob("*")):
        if file.suffix == ".toml":
            problems += _agreement(file, known, catalogue.events, day)
        elif not (file.suffix in NOTES or file.name.startswith(".")):
            words = "only agreements belong here, in files whose names end in .toml: this one is not read"
            problems.append(Problem(file=str(file), line=1, message=words))
    if not any(problem.severity == "error" for problem in problems):
        problems += _principals(directory)
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.message))


def _aliases(file: Path, known: Mapping[str, Authority]) -> list[Problem]:
    if not file.exists():
        return []
    text, problems = _read(file)
    if problems:
        return problems
    aliases, faults = read_aliases(text)
    return [_on_line(file, fault) for fault in (*faults, *alias_faults(aliases, known))]


def _settings(file: Path) -> Iterator[Problem]:
    document, lines, problems = _toml(file)
    yield from problems
    if not problems:
        yield from (_at(file, lines, fault) for fault in settings_faults(document))


def _principals(directory: Path) -> Iterator[Problem]:
    file = directory / "network.toml"
    document, lines, _ = _toml(file)
    if not document.get("principals"):
        return
    for authority, purpose, words in unknown_principals(load(directory)):
        yield _at(file, lines, Fault(key=authority, value=purpose, message=words))


def _agreement(
    file: Path, known: Mapping[str, Authority], events: Mapping[str, EventType], today: date
) -> Iterator[Problem]:
    document, lines, problems = _toml(file)
    yield from problems
    if problems:
        return
    faults = documents.agreement_faults(document)
    yield from (_at(file, lines, fault) for fault in faults)
    if faults:
        return
    agreement = documents.agreement(document)
    if agreement.id != file.stem and agreement.id in {other.stem for other in file.parent.glob("*.toml")}:
        yield _at(
            file, lines, Fault(key="id", message=f"{agreement.id} is the id of {agreement.id}.toml already")
        )
    found = terms.errors(agreement, document, file.stem, known, events, today)
    yield from (_at(file, lines, fault) for fault in found)
    yield from (_at(file, lines, fault, "warning") for fault in terms.warnings(agreement, known, today))


def _read(file: Path) -> tuple[str, list[Problem]]:
    if not file.exists():
        words = "the file is missing"
    elif not file.is_file():
        words = "this is no file"
    elif file.stat().st_size > LARGEST:
        words = f"the file is larger than {LARGEST >> 20} MiB, so it is not read"
    else:
        try:
            return file.read_text(encoding="utf-8"), []
        except UnicodeDecodeError:
            words = "the file is not UTF-8"
    return "", [Problem(file=str(file), line=1, message=words)]


def _toml(file: Path) -> tuple[dict[str, Any], Lines, list[Problem]]:
    text, problems = _read(file)
    lines = Lines(text)
    try:
        return tomllib.loads(text), lines, problems
    except RecursionError:
        return {}, lines, [Problem(file=str(file), line=1, message="this is nested too deeply to be read")]
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at and at[1] else max(1, text.count("\n"))
        words = f"this is not TOML: {_AT_LINE.sub('', str(error))}"
        return {}, lines, [Problem(file=str(file), line=line, message=words)]


def _on_line(file: Path, fault: LineFault) -> Problem:
    return Problem(file=str(file), line=fault.line, message=fault.message)


def _at(file: Path, lines: Lines, fault: Fault, severity: Severity = "error") -> Problem:
    line = lines.of(fault.key, value=fault.value, share=fault.share)
    return Problem(file=str(file), line=line, message=fault.message, severity=severity)
