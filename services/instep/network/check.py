"""Check a network's directory, without a broker, and report every problem with its file and line.

`apply` refuses a network with an error. A warning is for the people who look after the network: a party has not approved,
an agreement is about to run out.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from instep.events.schema import Catalogue, EventType
from instep.network import documents, terms
from instep.network.access import unknown_principals
from instep.network.agreements import Agreement
from instep.network.authorities import (
    IDENTIFIER,
    Authority,
    RowFinding,
    mentioned,
    read_aliases,
    read_authorities,
)
from instep.network.census import alias_errors, authority_errors, authority_warnings
from instep.network.documents import Finding
from instep.network.foreign import foreign
from instep.network.lookalikes import disguised, lookalikes
from instep.network.network import load
from instep.network.overlaps import overlaps
from instep.network.problems import Lines, Problem, Severity
from instep.network.revisions import stale_versions
from instep.network.settings import settings_errors, settings_warnings
from instep.network.slips import all_advice

LARGEST = 4 << 20
"""The largest file that is read, in bytes: a hundred times the largest file of a real network."""
NOTES = (".md", ".txt")
"""Suffixes of the files that may lie beside agreements."""


def check(directory: Path, catalogue: Catalogue, today: date) -> list[Problem]:
    """Every problem of the directory, sorted by file and line; none when the directory is sound. `today` is London's."""
    councils, unreadable, problems = _authorities(directory / "authorities.csv")
    problems += _aliases(directory / "gss_aliases.csv", councils, unreadable)
    problems += _settings(directory / "network.toml")
    agreements: list[AgreementFile] = []
    for file in sorted((directory / "agreements").glob("*")):
        if file.suffix == ".toml":
            read, of_file = _agreement(file)
            problems += of_file
            if read is not None:
                agreements.append(read)
                problems += _terms(read, councils, unreadable, catalogue.events, today)
        elif not (file.name.startswith(".") or (file.suffix in NOTES and ".toml" not in file.name.lower())):
            words = "only agreements belong here, in files whose names end in .toml: this one is not read"
            if intended := re.match(r"([a-z0-9-]+)\.toml", file.name.lower()):
                words += f", so name it {intended[0]}"
            problems.append(Problem(file=str(file), line=1, message=words))
    problems += _ids(agreements)
    problems += _overlaps(agreements)
    if not any(problem.severity == "error" for problem in problems):
        problems += _principals(directory)
    return _sorted(problems)


def check_against(directory: Path, before: Path) -> list[Problem]:
    """A problem for each agreement that differs from `before` (an earlier checkout) under the same version.

    Raises NetworkError where `before` cannot be read. `check` reports the errors of `directory` itself.
    """
    earlier = load(before).agreements
    now = {
        read.agreement.id: read
        for file in (directory / "agreements").glob("*.toml")
        if (read := _agreement(file)[0]) is not None
    }
    stale = stale_versions(earlier, {id: read.agreement for id, read in now.items()})
    return _sorted(now[id].at(Finding(key="version", message=f"{id}: {words}")) for id, words in stale)


@dataclass(frozen=True, kw_only=True, slots=True)
class AgreementFile:
    """An agreement, and the file that holds the agreement."""

    file: Path
    lines: Lines
    document: Mapping[str, Any]
    agreement: Agreement

    def at(self, finding: Finding, severity: Severity = "error") -> Problem:
        """The finding as a problem of this file, at its line."""
        return _at(self.file, self.lines, finding, severity)


def _authorities(file: Path) -> tuple[Mapping[str, Authority], frozenset[str] | None, list[Problem]]:
    """The authorities by id, the ids in lines with errors (None: any id may be among them), and the problems."""
    text, problems = _read(file)
    if problems:
        return {}, None, problems
    rows, errors = read_authorities(text)
    whole = not errors and all(map(IDENTIFIER.fullmatch, rows))
    unreadable = frozenset[str]() if whole else mentioned(text)
    problems += [_on_line(file, finding) for finding in (*errors, *authority_errors(rows, unreadable))]
    problems += [_on_line(file, finding, "warning") for finding in authority_warnings(rows)]
    return {id: authority for id, (_, authority) in rows.items()}, unreadable, problems


def _aliases(
    file: Path, councils: Mapping[str, Authority], unreadable: frozenset[str] | None
) -> list[Problem]:
    if not file.exists():
        return []
    text, problems = _read(file)
    if problems:
        return problems
    aliases, errors = read_aliases(text)
    if unreadable is None:
        return [_on_line(file, finding) for finding in errors]
    return [_on_line(file, finding) for finding in (*errors, *alias_errors(aliases, councils, unreadable))]


def _settings(file: Path) -> Iterator[Problem]:
    document, lines, problems = _toml(file)
    yield from problems
    if problems:
        return
    errors = settings_errors(document)
    yield from (_at(file, lines, finding) for finding in errors)
    if not errors:
        yield from (_at(file, lines, finding, "warning") for finding in settings_warnings(document))


def _principals(directory: Path) -> Iterator[Problem]:
    file = directory / "network.toml"
    document, lines, _ = _toml(file)
    if not document.get("principals"):
        return
    for authority, purpose, words in unknown_principals(load(directory)):
        yield _at(file, lines, Finding(key=authority, value=purpose, message=words))


def _agreement(file: Path) -> tuple[AgreementFile | None, list[Problem]]:
    document, lines, problems = _toml(file)
    errors = [] if problems else documents.agreement_errors(document)
    problems += [_at(file, lines, finding) for finding in errors]
    if problems:
        return None, problems
    agreement = documents.agreement(document)
    return AgreementFile(file=file, lines=lines, document=document, agreement=agreement), []


def _terms(
    read: AgreementFile,
    councils: Mapping[str, Authority],
    unreadable: frozenset[str] | None,
    events: Mapping[str, EventType],
    today: date,
) -> Iterator[Problem]:
    agreement, name = read.agreement, read.file.stem
    if unreadable is None:
        unreadable = agreement.parties
    errors = terms.errors(agreement, read.document, name, councils, events, today, unreadable)
    yield from map(read.at, errors)
    yield from (read.at(finding, "warning") for finding in terms.warnings(agreement, councils, today))


def _ids(agreements: Sequence[AgreementFile]) -> Iterator[Problem]:
    """Ids that two agreements share, and ids and purposes that readers would take for others."""
    files = {read.file.stem for read in agreements}
    for read in agreements:
        id = read.agreement.id
        if id != read.file.stem and id in files:
            yield read.at(Finding(key="id", message=f"{id} is the id of {id}.toml already"))
    for key in ("id", "purpose"):
        taken_for = lookalikes(getattr(read.agreement, key) for read in agreements)
        for read in agreements:
            name = getattr(read.agreement, key)
            if name in taken_for:
                words = f"{key} {name!r} would be taken for {taken_for[name]!r}: choose one that cannot"
                yield read.at(Finding(key=key, message=words))
            elif like := disguised(name):
                yield read.at(Finding(key=key, message=f"{key} {name!r} reads like {like!r}"), "warning")


def _overlaps(agreements: Sequence[AgreementFile]) -> Iterator[Problem]:
    files = {read.agreement.id: read for read in agreements}
    twins: set[str] = set()
    for overlap in overlaps(read.agreement for read in files.values()):
        read, other = files[overlap.agreement.id], files[overlap.other.id].file.name
        share = [share.event for share in overlap.agreement.shares].index(overlap.event)
        if not overlap.twin:
            words = f"what it shares of {overlap.event} is shared by {other} already, for the same purpose: it adds nothing"
            yield read.at(Finding(key="event", share=share, message=words), "warning")
        elif overlap.agreement.id not in twins:
            twins.add(overlap.agreement.id)
            words = f"it says the same as {other}, under a second id: who ends one of them stops nothing"
            yield read.at(Finding(key="id", message=words), "warning")


def _read(file: Path) -> tuple[str, list[Problem]]:
    if not file.exists():
        words = "the file is missing"
    elif not file.is_file():
        words = "this is no file"
    elif file.stat().st_size > LARGEST:
        words = f"the file is larger than {LARGEST >> 20} MiB, so it is not read"
    else:
        return _decoded(file)
    return "", [Problem(file=str(file), line=1, message=words)]


def _decoded(file: Path) -> tuple[str, list[Problem]]:
    content = file.read_bytes()
    if problem := foreign(content):
        return "", [Problem(file=str(file), line=problem[0], message=problem[1])]
    # As in `load`: the line ends of Windows and of old Macs are line ends.
    return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n"), []


def _toml(file: Path) -> tuple[dict[str, Any], Lines, list[Problem]]:
    text, problems = _read(file)
    lines = Lines(text)
    try:
        return tomllib.loads(text), lines, problems
    except RecursionError:
        return {}, lines, [Problem(file=str(file), line=1, message="this is nested too deeply to be read")]
    except tomllib.TOMLDecodeError as error:
        found = (
            Problem(file=str(file), line=slip.line, message=slip.message) for slip in all_advice(text, error)
        )
        return {}, lines, list(found)


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.message))


def _on_line(file: Path, finding: RowFinding, severity: Severity = "error") -> Problem:
    return Problem(file=str(file), line=finding.line, message=finding.message, severity=severity)


def _at(file: Path, lines: Lines, finding: Finding, severity: Severity = "error") -> Problem:
    line = lines.of(finding.key, value=finding.value, share=finding.share)
    return Problem(file=str(file), line=line, message=finding.message, severity=severity)
