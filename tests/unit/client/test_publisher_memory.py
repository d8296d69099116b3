"""Wherever a council publishes from, the same people go out once: one place, one secret, and the network as a witness."""

import asyncio
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.adapters import Memory, Send, read, triage
from instep.adapters.moving import pack, settle, unpack
from instep.adapters.secret import FILE
from instep.catalogue.files import default_directory, load_catalogue
from instep.client import memory_place, publisher_memory
from instep.client.council import Council
from instep.client.filing import Tally
from instep.client.memory_place import place
from instep.client.outbox_history import UNNAMED, History, OutboxEnd, _Evidence
from instep.client.publisher import Sendable
from instep.client.publisher_memory import Opened, Verdict, judge, memory_home, open_memory
from instep.errors import ConfigurationError, PlatformError
from instep.events.envelope import PUBLISHER_KEY
from instep.kafka.connection import Connection
from instep.network.network import Network
from tests.unit.adapters.publishing import AUTHORITY, NOW, ROW, SETTINGS, csv_of, names, row
from tests.unit.client.test_gate import GATE, example
from tests.unit.memory_state import MemoryRecord

WORDS = "four words are enough"
NOBODY = Network(name="sample", lanes=4, authorities={}, agreements={})
CATALOGUE = load_catalogue(default_directory())


COUNCIL = Council(authority=AUTHORITY, connection=cast(Connection, None), catalogue=CATALOGUE, network=NOBODY)


class Cluster:
    """A cluster with the outbox of an authority, without Kafka; `expired` records are gone from its beginning."""

    def __init__(self, id: str = "C1") -> None:
        self.id = id
        self.records: list[MemoryRecord] = []
        self.expired = 0
        self.readings = 0

    def add(self, event_id: str, subject_ref: str, *, key_id: str | None) -> None:
        self.records.append(
            MemoryRecord(
                topic=f"{AUTHORITY}.outbox",
                key=subject_ref.encode(),
                value=b"\0\0\0\0\1\x48" + event_id.encode(),
                offset=len(self.records),
                timestamp=NOW,
                headers=((PUBLISHER_KEY, key_id.encode()),) if key_id else (),
            )
        )


class Bureau:
    """People who publish for the authority on a cluster, from wherever they are."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.cluster = Cluster()
        self.said: list[str] = []
        monkeypatch.setattr(publisher_memory, "outbox_of", self._outbox)
        monkeypatch.setattr(publisher_memory, "read_history", self._history)

    async def _outbox(self, council: Council) -> OutboxEnd:
        return OutboxEnd(cluster=self.cluster.id, end=len(self.cluster.records))

    async def _history(self, council: Council, outbox: OutboxEnd, since: int = 0) -> History:
        self.cluster.readings += since < outbox.end
        evidence = _Evidence()
        for record in self.cluster.records[max(since, self.cluster.expired) : outbox.end]:
            evidence.take(record)
        return evidence.history(outbox.end)

    def opened(self, state: Path | None = None, *, first: bool = False) -> Opened:
        return asyncio.run(open_memory(COUNCIL, place(state, {}), self.said.append, first=first))

    def is_first(self) -> bool:
        opened = self.opened()
        opened.memory.close()
        return opened.first

    def publish(
        self, *rows: dict[str, str], state: Path | None = None, first: bool = False, confirmed: bool = True
    ) -> list[str]:
        """Publish a file; returns what became of its rows."""
        with self.opened(state, first=first).memory as memory:
            return self._send(memory, rows, memory.key_id, confirmed=confirmed)

    def publish_with_earlier_version(self, *rows: dict[str, str], directory: Path | None = None) -> list[str]:
        with Memory.open(directory or Path(".instep", "publishers"), AUTHORITY) as memory:
            return self._send(memory, rows, None)

    def _send(self, memory: Memory, rows: Any, key_id: str | None, *, confirmed: bool = True) -> list[str]:
        file = self.directory / "moves.csv"
        file.write_bytes(csv_of(*rows))
        lines = read(file, authority=AUTHORITY, settings=SETTINGS)
        outcomes = []
        for outcome in triage(
            lines, memory=memory, secret=memory.secret, authority=AUTHORITY, now=lambda: NOW
        ):
            outcomes.append(outcome)
            if isinstance(outcome, Send):
                self.cluster.add(outcome.event_id, outcome.subject_ref, key_id=key_id)
                if confirmed:
                    memory.remember([outcome.sent])
        return names(outcomes)

    @property
    def people(self) -> set[bytes | None]:
        return {record.key for record in self.cluster.records}


@pytest.fixture
def bureau(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bureau:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Bureau(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instep.adapters.sealing.LOG_N", 4)


def test_a_file_published_from_another_directory_is_unchanged(
    bureau: Bureau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bureau.is_first()
    assert bureau.publish(ROW) == ["Send"]
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    assert bureau.publish(ROW) == ["Unchanged"]
    assert list((tmp_path / "there").iterdir()) == list((tmp_path / "here").iterdir()) == []
    assert not bureau.is_first()
    assert bureau.said == []


def test_with_a_lost_volume_nothing_goes_out_until_somebody_decides(bureau: Bureau, tmp_path: Path) -> None:
    bureau.publish(ROW)
    shutil.rmtree(tmp_path / "data")
    for _ in range(2):
        with pytest.raises(PlatformError) as refused:
            bureau.publish(ROW)
        for remedy in (
            "instep publisher export",
            "instep publisher import",
            "--first",
            "goes out as a new person",
        ):
            assert remedy in str(refused.value)
    assert not list((tmp_path / "data").rglob(FILE)), "a refusal makes no secret"
    assert len(bureau.people) == 1
    assert bureau.publish(ROW, first=True) == ["Send"]
    assert len(bureau.people) == 2
    assert bureau.publish(ROW) == ["Unchanged"], "asked once"


def test_with_the_memory_lost_and_the_secret_kept_the_ids_are_the_same(
    bureau: Bureau, tmp_path: Path
) -> None:
    bureau.publish(ROW)
    for file in (tmp_path / "data").rglob("memory.sqlite*"):
        file.unlink()
    assert bureau.publish(ROW) == ["Send"]
    first, second = bureau.cluster.records
    assert (first.key, first.value) == (second.key, second.value)
    (said,) = bureau.said
    assert "its memory is lost" in said
    assert "Publish a full export" in said


def test_another_user_is_refused_and_goes_on_with_the_first_users_memory(
    bureau: Bureau, tmp_path: Path
) -> None:
    bureau.publish(ROW, state=tmp_path / "ada")
    with pytest.raises(
        PlatformError, match=r"leeds has published before with another secret \(key [0-9a-f]{16}, last on"
    ):
        bureau.publish(ROW, state=tmp_path / "ben")
    ada, ben = place(tmp_path / "ada", {}), place(tmp_path / "ben", {})
    (kept,) = ada.kept(AUTHORITY)
    luggage = unpack(pack(kept.home, kept.network, kept.cluster, WORDS), WORDS, "the file")
    settle(luggage, ben.home(luggage.network, luggage.cluster, luggage.authority))
    assert bureau.publish(ROW, state=tmp_path / "ben") == ["Unchanged"]


def test_whoever_comes_back_after_another_has_begun_anew_is_told(bureau: Bureau, tmp_path: Path) -> None:
    bureau.publish(ROW, state=tmp_path / "old")
    bureau.publish(row(reference="CT-2"), state=tmp_path / "new", first=True)
    with pytest.raises(
        PlatformError, match=r"Since the memory in .* was last used, leeds has published with another"
    ):
        bureau.publish(ROW, state=tmp_path / "old")
    assert bureau.publish(row(reference="CT-2"), state=tmp_path / "new") == ["Unchanged"]
    assert bureau.publish(ROW, state=tmp_path / "old", first=True) == ["Unchanged"]
    assert bureau.publish(ROW, state=tmp_path / "old") == ["Unchanged"]


def test_a_rehearsal_on_another_cluster_keeps_nothing_at_home_on_this_one(bureau: Bureau) -> None:
    rehearsal, real = Cluster("rehearsal"), Cluster("real")
    for cluster in (rehearsal, real):
        bureau.cluster = cluster
        assert bureau.publish(ROW) == ["Send"]
        assert bureau.publish(ROW) == ["Unchanged"]
    assert len(rehearsal.records) == len(real.records) == 1


def test_who_looks_for_the_memory_finds_that_of_the_cluster_or_what_an_earlier_version_has_left(
    bureau: Bureau, tmp_path: Path
) -> None:
    def home() -> Path | None:
        return asyncio.run(memory_home(COUNCIL, place(None, {})))

    assert home() is None
    bureau.publish_with_earlier_version()
    assert home() == tmp_path / "here" / ".instep" / "publishers" / AUTHORITY
    places = {}
    for id in ("C1", "C2"):
        bureau.cluster = Cluster(id)
        bureau.publish(ROW)
        places[id] = home()
    assert places == {
        id: tmp_path / "data" / "instep" / "publishers" / "sample" / id / AUTHORITY for id in ("C1", "C2")
    }
    bureau.cluster = Cluster("C3")
    assert home() is None


def test_a_memory_of_an_earlier_version_moves_to_its_place_and_its_people_stay_the_same(
    bureau: Bureau, tmp_path: Path
) -> None:
    bureau.publish_with_earlier_version(ROW)
    assert bureau.publish(ROW, row(reference="CT-2")) == ["Unchanged", "Send"]
    (said,) = bureau.said
    assert "it has moved to" in said
    assert not (tmp_path / "here" / ".instep" / "publishers" / AUTHORITY).exists()
    assert bureau.publish(ROW, row(reference="CT-2")) == ["Unchanged"] * 2
    assert len(bureau.said) == 1


def test_a_memory_of_an_earlier_version_in_the_named_directory_moves_too(
    bureau: Bureau, tmp_path: Path
) -> None:
    bureau.publish_with_earlier_version(ROW, directory=tmp_path / "state" / "publishers")
    assert bureau.publish(ROW, state=tmp_path / "state") == ["Unchanged"]
    assert len(bureau.said) == 1


def test_a_memory_of_an_earlier_version_for_another_cluster_stays_and_keeps_nothing_back(
    bureau: Bureau, tmp_path: Path
) -> None:
    bureau.publish_with_earlier_version(ROW)
    bureau.cluster = Cluster("anew")
    assert bureau.publish(ROW) == ["Send"]
    (said,) = bureau.said
    assert "is of another cluster, and stays there" in said
    assert (tmp_path / "here" / ".instep" / "publishers" / AUTHORITY / FILE).exists()


def test_what_an_earlier_version_has_published_elsewhere_is_asked_about(
    bureau: Bureau, tmp_path: Path
) -> None:
    bureau.publish_with_earlier_version(ROW, directory=tmp_path / "elsewhere")
    with pytest.raises(PlatformError, match="has published before, with an earlier version of Instep"):
        bureau.publish(ROW)
    bureau.publish_with_earlier_version(row(reference="CT-2"), directory=Path(".instep", "publishers"))
    assert bureau.publish(ROW, row(reference="CT-2"), first=True)[1] == "Unchanged", (
        "some of these are its own"
    )


def test_a_memory_of_an_earlier_version_that_has_sent_nothing_is_not_the_one_of_these_events(
    bureau: Bureau, tmp_path: Path
) -> None:
    bureau.publish_with_earlier_version(ROW, directory=tmp_path / "elsewhere")
    bureau.publish_with_earlier_version(directory=Path(".instep", "publishers"))
    with pytest.raises(PlatformError, match="with an earlier version of Instep"):
        bureau.publish(ROW)


def test_a_secret_of_an_earlier_version_whose_memory_was_lost_makes_the_same_people(bureau: Bureau) -> None:
    bureau.publish_with_earlier_version(ROW)
    for file in Path(".instep", "publishers", AUTHORITY).glob("memory.sqlite*"):
        file.unlink()
    assert bureau.publish(ROW) == ["Send"]
    assert len(bureau.people) == 1


def test_a_secret_that_somebody_else_has_left_is_not_taken(
    bureau: Bureau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bureau.publish_with_earlier_version(ROW)
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    with pytest.raises(PlatformError, match="published before"):
        bureau.publish(ROW)


def test_when_all_records_have_expired_it_is_asked_whether_this_is_the_first(
    bureau: Bureau, tmp_path: Path
) -> None:
    bureau.publish(ROW)
    bureau.cluster.expired = 1
    assert bureau.publish(ROW) == ["Unchanged"]
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(PlatformError, match="all of which has expired"):
        bureau.publish(ROW)
    assert bureau.publish(ROW, first=True) == ["Send"]


def test_records_of_a_councils_own_programs_ask_nothing(bureau: Bureau) -> None:
    bureau.cluster.add("0a1b2c3d-0000-4000-8000-000000000001", "CT-2026-17", key_id=None)
    assert bureau.publish(ROW) == ["Send"]
    assert bureau.said == []


def test_who_may_write_and_not_read_publishes_with_a_remark(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def denied(council: Council, outbox: OutboxEnd, since: int = 0) -> History:
        raise ConfigurationError("The broker does not permit leeds to use leeds.outbox.")

    bureau.cluster.add("0a1b2c3d-0000-4000-8000-000000000001", "CT-2026-17", key_id=None)
    monkeypatch.setattr(publisher_memory, "read_history", denied)
    assert bureau.publish(ROW) == ["Send"]
    (said,) = bureau.said
    assert "whether leeds has published with another secret" in said


def test_a_second_process_is_refused_while_the_first_publishes(bureau: Bureau) -> None:
    first = bureau.opened()
    with pytest.raises(PlatformError, match="Another publish for leeds is running"):
        bureau.opened()
    first.memory.close()
    bureau.opened().memory.close()


def test_a_place_that_cannot_be_written_to_is_one_sentence_and_sends_nothing(
    bureau: Bureau, tmp_path: Path
) -> None:
    (tmp_path / "full").touch()
    with pytest.raises(PlatformError, match=r"full.* cannot be written to \(Not a directory\)"):
        bureau.publish(ROW, state=tmp_path / "full")
    assert bureau.cluster.records == []


def test_a_user_without_a_data_directory_is_asked_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_place, "user_data_path", lambda *names, **options: Path("~", ".local"))
    with pytest.raises(ConfigurationError, match="INSTEP_STATE_DIR"):
        place(None, {})
    assert place(None, {"INSTEP_STATE_DIR": "state"}).state == Path.cwd() / "state"
    assert place(Path("chosen"), {"INSTEP_STATE_DIR": "state"}).state == Path.cwd() / "chosen"


@given(cluster=st.text())
def test_no_clusters_id_leaves_the_directory(cluster: str) -> None:
    directory = place(Path("state"), {}).of("sample", cluster)
    assert directory.parent == Path.cwd() / "state" / "publishers" / "sample"
    assert directory.name not in ("", ".", "..")


def test_only_events_that_others_have_sent_are_looked_at_the_next_time(bureau: Bureau) -> None:
    opened = bureau.opened()
    with opened.memory as memory:
        bureau._send(memory, [ROW, row(reference="CT-2")], memory.key_id)
        opened.note_published(Tally(end=2))
        assert memory.checked == 0, "two offsets, and no event of this run: another's are among them"
        tally = Tally(end=2)
        tally.outcomes["published"] = 2
        opened.note_published(tally)
        assert memory.checked == 2
    before = bureau.cluster.readings
    bureau.publish(ROW)
    assert bureau.cluster.readings == before
    bureau.cluster.add("0a1b2c3d-0000-8000-8000-000000000001", "0" * 32, key_id="f" * 16)
    with pytest.raises(PlatformError, match="key ffffffffffffffff"):
        bureau.publish(ROW)


def test_a_killed_first_run_is_completed_by_the_second(bureau: Bureau) -> None:
    assert bureau.publish(ROW, confirmed=False) == ["Send"]
    assert bureau.publish(ROW) == ["Send"]
    assert len(bureau.people) == 1


KEYS = st.sampled_from(["a" * 16, "b" * 16, "c" * 16])


@given(
    own=st.none() | KEYS,
    keys=st.dictionaries(KEYS, st.integers(0, NOW)),
    unnamed=st.lists(st.binary(min_size=16, max_size=16), max_size=2),
    kept=st.integers(0, 9),
    end=st.integers(0, 9),
)
def test_another_secret_in_the_outbox_never_goes_unsaid(
    own: str | None, keys: dict[str, int], unnamed: list[bytes], kept: int, end: int
) -> None:
    verdict = judge(own, History(end=end, kept=kept, keys=keys, unnamed=unnamed))
    others = set(keys) - {own}
    if others:
        assert verdict in (Verdict.REPLACED, Verdict.ELSEWHERE)
    elif own:
        assert verdict is Verdict.KNOWN
    elif unnamed:
        assert verdict is Verdict.ELSEWHERE
    else:
        assert (verdict is Verdict.FIRST) == (end == 0 or kept > 0)


def test_the_id_of_a_real_event_is_found_in_its_bytes() -> None:
    event_id, subject = "0a1b2c3d-0000-8000-8000-00000000000a", "5" * 32
    plain = example()
    plain["header"] |= {"event_id": event_id, "subject_ref": subject}
    admitted = GATE.admit(plain["header"]["source"], "resident-moved", plain, NOW)
    assert isinstance(admitted, Sendable)
    evidence = _Evidence()
    evidence.take(MemoryRecord(topic="leeds.outbox", key=admitted.key, value=admitted.value))
    (id_in_bytes,) = evidence.history(1).unnamed
    assert id_in_bytes.hex() == event_id.replace("-", "")


def test_hostile_records_tell_nothing_and_take_little_memory() -> None:
    evidence = _Evidence()
    for value in (
        None,
        b"",
        b"\0",
        b"\0\0\0\0\1\x48" + b"\xff" * 36,
        b"\0\0\0\0\1\x48" + b"z" * 14 + b"8zzzz8" + b"z" * 16,
    ):
        evidence.take(MemoryRecord(topic="leeds.outbox", key=b"\xff" * 32, value=value))
        evidence.take(MemoryRecord(topic="leeds.outbox", key=b"0" * 32, value=value))
        evidence.take(
            MemoryRecord(topic="leeds.outbox", key=None, value=value, headers=((PUBLISHER_KEY, b""),))
        )
    history = evidence.history(15)
    assert (history.kept, dict(history.keys), list(history.unnamed)) == (15, {}, [])
    event = b"\0\0\0\0\1\x480a1b2c3d-0000-8000-8000-000000000001"
    for _ in range(UNNAMED + 1):
        evidence.take(MemoryRecord(topic="leeds.outbox", key=b"0" * 32, value=event))
    assert len(evidence.history(1).unnamed) == UNNAMED
