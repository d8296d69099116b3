"""A council that publishes files, from the file to the outbox, without a broker: what it sends, and what it says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from instep.adapters import (
    Memory,
    Note,
    Plain,
    Refused,
    Review,
    Send,
    Settings,
    Triaged,
    load_mapping,
    read,
    triage,
)
from instep.catalogue.files import default_directory, load_catalogue
from instep.client.file_settings import file_settings
from instep.client.publisher import Gate, NotAdmitted, Sendable
from instep.errors import PlainEventError
from instep.events.decoding import Decoder, Sound
from instep.network.network import Network, load
from tests.unit.adapters.publishing import NOW, TODAY

FILES = Path(__file__).parent / "files"
ROOT = Path(__file__).resolve().parents[3]


@cache
def network() -> Network:
    """The network of the United Kingdom, with its agreements."""
    whole = load(ROOT / "deploy" / "network" / "uk")
    schemas = {number: (s.full_name, s.version) for number, s in enumerate(catalogue().all(), start=1)}
    return replace(whole, schemas=schemas)


@cache
def catalogue() -> Any:
    return load_catalogue(default_directory())


@cache
def gate() -> Gate:
    return Gate(network(), catalogue())


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run has sent and said. `hub` are the events as they leave, by line."""

    outcomes: list[Triaged]
    remarks: list[tuple[int, Note]]
    hub: dict[int, Plain] = field(default_factory=dict)

    @property
    def sent(self) -> dict[int, Send]:
        return {outcome.line: outcome for outcome in self.outcomes if isinstance(outcome, Send)}

    @property
    def unsent(self) -> dict[int, str]:
        """The reasons of lines that somebody has to put right, by line."""
        return {
            outcome.line: outcome.reason for outcome in self.outcomes if isinstance(outcome, Refused | Review)
        }

    @property
    def kinds(self) -> list[str]:
        return [type(outcome).__name__ for outcome in self.outcomes]

    def handling(self) -> dict[int, str]:
        return {line: send.event["header"]["handling"] for line, send in self.sent.items()}

    def ordinary(self) -> list[Plain]:
        return [send.event for send in self.sent.values() if send.event["header"]["handling"] == "ORDINARY"]

    def notes(self, line: int) -> set[tuple[str, str]]:
        return {(note.column, note.reason) for note in self.sent[line].notes}

    def said(self) -> set[tuple[str, str]]:
        """The remarks about the file."""
        return {(note.column, note.reason) for _, note in self.remarks}

    def counted(self) -> Counter[str]:
        return Counter(self.kinds)


class CouncilOffice:
    """An authority that publishes files one after the other, with one memory."""

    def __init__(self, authority: str, state: Path) -> None:
        self.authority = authority
        self._state = state
        self._files = 0

    def publish(
        self,
        file: Path | bytes | str,
        mapping: Path | None = None,
        *,
        suffix: str = ".csv",
        on_behalf: bool = False,
    ) -> Run:
        path = file if isinstance(file, Path) else self._written(file, suffix)
        remarks: list[tuple[int, Note]] = []
        settings = replace(
            file_settings(
                network(),
                self.authority,
                load_mapping(mapping) if mapping else {},
                lambda line, note: remarks.append((line, note)),
            ),
            today=TODAY,
        )
        return self._run(path, settings, remarks, on_behalf)

    def _run(self, path: Path, settings: Settings, remarks: list[tuple[int, Note]], on_behalf: bool) -> Run:
        run = Run(outcomes=[], remarks=remarks)
        admitted: list[Sendable] = []

        def validate(event_type: str, event: Plain) -> None:
            verdict = gate().admit(self.authority, event_type, event, NOW)
            if isinstance(verdict, NotAdmitted):
                raise PlainEventError(verdict.field, verdict.problem, verdict.reason)
            admitted.append(verdict)

        decoder = Decoder(catalogue(), catalogue().bind(network().schemas))
        with Memory.open(self._state, self.authority) as memory:
            lines = read(path, authority=self.authority, settings=settings)
            for outcome in triage(
                lines,
                memory=memory,
                secret=memory.secret,
                authority=self.authority,
                now=lambda: NOW,
                validate=validate,
                on_behalf=on_behalf,
            ):
                run.outcomes.append(outcome)
                if isinstance(outcome, Send):
                    assert admitted[-1].event_id == outcome.event_id
                    sound = decoder.decode(admitted[-1].value)
                    assert isinstance(sound, Sound)
                    run.hub[outcome.line] = dict(sound.event)
                    memory.remember([outcome.sent])
        return run

    def _written(self, content: bytes | str, suffix: str) -> Path:
        self._state.mkdir(parents=True, exist_ok=True)
        self._files += 1
        path = self._state / f"file-{self._files}{suffix}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
