"""Defines the values that a run of the demo fills in: its paths, its services and its results."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from instep.client.filing import LineResult
from instep.client.reader import Item
from instep.demo.access_probes import Attempt, Suspension
from instep.demo.report import Check, TopicEvidence
from instep.local.broker import Broker
from instep.local.metrics import Exposition
from instep.local.services import LocalWorker
from instep.network.network import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The paths of the demo. `root` is the repository. The demo works in `directory`, and leaves its files there."""

    root: Path
    directory: Path
    postcodes: Path

    @property
    def data(self) -> Path:
        """The sample data."""
        return self.root / "deploy" / "demo"

    def network(self, name: str) -> Path:
        """The network's directory."""
        return self.root / "deploy" / "network" / name


@dataclass(kw_only=True, slots=True)
class Journey:
    """The results of one demo, filled in stage by stage."""

    network: Network
    services: Sequence[LocalWorker] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, Counter[str]] = field(default_factory=dict)
    """By file of the sample data: how many lines had each outcome."""
    by_council: dict[str, Counter[str]] = field(default_factory=dict)
    kept_at_home: Counter[str] = field(default_factory=Counter)
    """Published lines, counted by each field that no agreement of their council names; the field stayed at home."""
    faulty: list[tuple[str, LineResult]] = field(default_factory=list)
    redated: int = 0
    moved_on: int = 0
    """Days by which the agreements' dates were moved on."""
    evidence: TopicEvidence = field(
        default_factory=lambda: TopicEvidence(said=[], refusals=[], disclosed=[], received=[])
    )
    checks: list[Check] = field(default_factory=list)
    pair: tuple[Item, Item] | None = None
    """An event in its outbox, and the same event in a recipient's inbox."""
    metrics: dict[str, Exposition] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    suspension: Suspension | None = None

    @property
    def broker_log(self) -> Path:
        """The broker's log file."""
        return self.services[0].platform.logs / f"{Broker.name}.log"

    @property
    def holds(self) -> bool:
        """Whether every check holds, the broker answered every attempt as expected, and the suspension held."""
        added_up = all(check.holds for check in self.checks)
        refused = all(attempt.holds for attempt in self.attempts)
        return added_up and refused and (self.suspension is None or self.suspension.holds)
