"""Jars: only the pinned bytes are ever used."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from instep.cache import cache_directory
from instep.errors import ConfigurationError, PlatformError
from instep.local import jars
from instep.local.jars import Jar, Jars, kafka_jars
from tests.conftest import KAFKA_4_3_1


class Repository:
    """Stands for Maven: gives out, in turn, the contents that a test has put down for a jar."""

    def __init__(self, answers: list[bytes | Exception]) -> None:
        self.answers = answers
        self.asked = 0

    def __call__(self, jar: Jar, repository: Path) -> Path:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        path = repository / jar.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answer)
        return path


@pytest.fixture
def one_jar(tmp_path: Path) -> Jars:
    jar = Jar(group="uk.instep", artifact="thing", version="1", sha256=hashlib.sha256(b"sound").hexdigest())
    return Jars(pins=(jar,), cache=tmp_path)


def serving(monkeypatch: pytest.MonkeyPatch, *answers: bytes | Exception) -> Repository:
    repository = Repository(list(answers))
    monkeypatch.setattr(jars, "_resolve", repository)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return repository


@pytest.mark.parametrize(
    ("environ", "version"), [({}, "4.2.2"), ({"INSTEP_KAFKA_JARS": str(KAFKA_4_3_1)}, "4.3.1")]
)
def test_every_jar_is_pinned_and_all_of_kafka_is_of_one_version(
    environ: Mapping[str, str], version: str
) -> None:
    pins = kafka_jars(environ).pins
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in pins)
    assert len({jar.filename for jar in pins}) == len(pins)
    assert {jar.version for jar in pins if jar.group == "org.apache.kafka"} == {version}


def test_two_versions_of_kafka_share_a_cache_and_nothing_in_it(tmp_path: Path) -> None:
    ours = kafka_jars({"XDG_CACHE_HOME": str(tmp_path)})
    other = kafka_jars({"XDG_CACHE_HOME": str(tmp_path), "INSTEP_KAFKA_JARS": str(KAFKA_4_3_1)})
    assert ours.directory.parent == other.directory.parent
    assert ours.directory.name.startswith("kafka-4.2.2-")
    assert other.directory.name.startswith("kafka-4.3.1-")


@pytest.mark.parametrize("content", [None, "group,artifact\nuk.instep,thing\n", "group,sort\na,b\n", "\0"])
def test_a_setting_that_names_no_pins_is_named(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "pins.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match="INSTEP_KAFKA_JARS"):
        kafka_jars({"INSTEP_KAFKA_JARS": str(path)})


def test_what_is_fetched_is_complete_and_is_not_fetched_again(
    one_jar: Jars, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = serving(monkeypatch, b"sound")
    one_jar.fetch()
    one_jar.fetch()
    assert one_jar.complete
    assert one_jar.damaged() == []
    assert repository.asked == 1
    assert Path(one_jar.classpath).read_bytes() == b"sound"


def test_a_jar_that_was_cut_off_is_fetched_again(one_jar: Jars, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = serving(monkeypatch, b"sou", ConnectionError(), b"sound")
    one_jar.fetch()
    assert one_jar.complete
    assert repository.asked == 3


def test_other_bytes_than_the_pinned_ones_are_never_used(
    one_jar: Jars, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving(monkeypatch, b"evil", b"evil", b"evil")
    with pytest.raises(PlatformError, match="other bytes than those pinned"):
        one_jar.fetch()
    assert not one_jar.complete
    assert list(one_jar.directory.glob("*.jar")) == []


def test_without_a_network_one_sentence_says_so_and_the_next_run_goes_on(
    one_jar: Jars, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving(monkeypatch, *[ConnectionError()] * 3)
    with pytest.raises(PlatformError, match="check the network connection"):
        one_jar.fetch()
    serving(monkeypatch, b"sound")
    one_jar.fetch()
    assert one_jar.complete


def test_a_damaged_jar_is_named(one_jar: Jars, monkeypatch: pytest.MonkeyPatch) -> None:
    serving(monkeypatch, b"sound")
    one_jar.fetch()
    Path(one_jar.classpath).write_bytes(b"rotten")
    assert [jar.artifact for jar in one_jar.damaged()] == ["thing"]


def test_the_progress_counts_every_jar(one_jar: Jars, monkeypatch: pytest.MonkeyPatch) -> None:
    serving(monkeypatch, b"sound")
    told: list[tuple[int, int]] = []
    one_jar.fetch(lambda _, done=0, total=0: told.append((done, total)))
    assert told == [(0, 1), (1, 1)]


@pytest.mark.parametrize("named", ["", "relative/path"])
def test_the_cache_is_in_the_home_directory_unless_an_absolute_place_is_named(
    named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory({"XDG_CACHE_HOME": named}) == tmp_path / ".cache" / "instep"
    assert cache_directory({"XDG_CACHE_HOME": "/srv/cache"}) == Path("/srv/cache/instep")
