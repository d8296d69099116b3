"""`instep publish`, `inbox`, `rejected` and `outcomes`, as a council runs them: whole commands against a real broker."""

import asyncio
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition

from instep.adapters.csv_moves import COLUMNS
from instep.catalogue.files import default_directory, load_catalogue
from instep.client.reader import Item, reading
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from instep.local.broker import Broker
from instep.local.ports import free_ports
from instep.provision.apply import apply
from tests.kafka.stage import SAMPLE, Stage, edit, opened, sample
from tests.unit.adapters.sheets import Rows, grid, xlsx

INSTEP = str(Path(sys.executable).with_name("instep"))
CATALOGUE = load_catalogue(default_directory())

Row = dict[str, str]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The sample network with its services up; each test publishes as another council."""
    home = tmp_path_factory.mktemp("publish")
    with opened(home, sample(home), "intake", "router") as opened_stage:
        yield opened_stage


def row(number: int, **changes: str) -> Row:
    """A move from Camden to Lambeth."""
    columns = dict.fromkeys(COLUMNS, "") | {
        "reference": f"R-{number:06}",
        "given_names": "Ada",
        "family_name": f"Testcase{number}",
        "date_of_birth": "1990-01-31",
        "old_uprn": "999300000159",
        "old_address_line_1": "1 Old Street",
        "old_postcode": "NW1 1RN",
        "new_uprn": "999300000191",
        "new_address_line_1": "2 New Street",
        "new_postcode": "SW9 8FG",
        "move_date": "2026-09-01",
        "residence_kind": "main",
        "reason": "move",
        "household_reference": f"H-{number:06}",
        "protected": "no",
        "recorded_at": "2026-09-02T10:00:00Z",
    }
    return columns | changes


def at_home(number: int) -> Row:
    """A move between addresses that nobody shares."""
    lines = {"old_address_line_1": f"{number} Mill Street", "new_address_line_1": f"{number} Hill Road"}
    return row(number, old_uprn="", new_uprn="", **lines)


def write(file: Path, rows: list[Row]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return file


def environ(connection: Connection, state: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("INSTEP_")}
    return inherited | {
        "INSTEP_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT",
        "INSTEP_STATE_DIR": str(state),
    }


def instep(connection: Connection, state: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [INSTEP, *map(str, arguments)],
        env=environ(connection, state),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """The counts of the summary, which comes last."""
    counts: dict[str, int] = objects(done)[-1]["summary"]["outcomes"]
    return counts


async def in_topic(connection: Connection, topic: str) -> list[Item]:
    network = await read_network(connection)
    async with reading(connection, CATALOGUE.bind(network.schemas)) as reader:
        return [item async for item in reader.read([TopicPartition(topic, 0)])]


def assert_refused_in_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """The command failed with one line on stderr that says this much, and printed no result."""
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("instep: ")
    for word in words:
        assert word in line


def test_a_file_goes_out_once_and_only_its_changes_again(stage: Stage, tmp_path: Path) -> None:
    file = write(tmp_path / "moves.csv", [row(n) for n in range(5)])
    command = ("publish", file, "--authority", "lambeth", "--output", "json")
    first = instep(stage.connection, tmp_path, *command)
    assert first.returncode == 0, first.stderr
    assert outcomes(first) == {"published": 5}
    again = instep(stage.connection, tmp_path, *command)
    assert (again.returncode, outcomes(again)) == (0, {"unchanged": 5})
    later = "2026-09-03T10:00:00Z"
    changed = row(3, family_name="Corrected", recorded_at=later)
    rewritten = row(4, new_address_line_1="No. 2, New St.", recorded_at=later)
    write(file, [row(0), row(1), row(2), changed, rewritten, row(5)])
    third = instep(stage.connection, tmp_path, *command)
    assert outcomes(third) == {"unchanged": 3, "published": 2, "same-address": 1}
    assert objects(third)[-1]["summary"]["corrections"] == 1
    headers = [item.content["header"] for item in asyncio.run(in_topic(stage.connection, "lambeth.outbox"))]
    assert [header["change_kind"] for header in headers] == ["NEW"] * 5 + ["CORRECT", "NEW"]
    assert headers[5]["replaces"] == headers[3]["event_id"]
    assert {header["source"] for header in headers} == {"lambeth"}


def test_a_workbook_goes_out_and_the_same_rows_as_csv_on_standard_input_are_unchanged(
    stage: Stage, tmp_path: Path
) -> None:
    rows = [row(n) for n in range(3)]
    table: Rows = [["Moves of September"], [], *grid(*rows), ["Total", 3]]
    book = xlsx(tmp_path / "moves.xlsx", {"Notes": [["for the team"]], "Moves": table})
    state = stage.home / "bolsover"
    options = ("--authority", "bolsover", "--on-behalf", "--output", "json")
    first = instep(stage.connection, state, "publish", book, *options)
    assert first.returncode == 0, first.stderr
    assert outcomes(first) == {"published": 3}
    assert "sheet 'Notes': another sheet of the workbook; not read" in first.stderr
    assert [line["line"] for line in objects(first)[:-1]] == [4, 5, 6]
    file = write(tmp_path / "moves.csv", rows)
    again = subprocess.run(
        [INSTEP, "publish", "-", "--format", "csv", *options],
        env=environ(stage.connection, state),
        input=file.read_bytes(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout.splitlines()[-1])["summary"]["outcomes"] == {"unchanged": 3}


def test_what_no_agreement_of_the_council_names_is_never_on_the_bus(stage: Stage, tmp_path: Path) -> None:
    file = write(
        tmp_path / "moves.csv",
        [row(number, reference=f"K-{number}", title="Dr", new_postcode="CR0 1LP") for number in range(3)],
    )
    done = instep(
        stage.connection,
        tmp_path,
        "publish",
        file,
        "--authority",
        "barnsley",
        "--output",
        "json",
        "--on-behalf",
    )
    assert done.returncode == 0, done.stderr
    published = objects(done)[:-1]
    held_back = objects(done)[-1]["summary"]["held_back"]
    network = asyncio.run(read_network(stage.connection))
    shared = {
        path
        for agreement in network.agreements_of("barnsley", "resident-moved")
        for share in agreement.shares
        for path in share.fields
    }
    assert held_back
    assert not held_back.keys() & shared
    assert all(line["held_back"] == sorted(held_back) for line in published)
    events = [item.content for item in asyncio.run(in_topic(stage.connection, "barnsley.outbox"))]
    assert len(events) == 3
    for event in events:
        for path in held_back:
            assert _value_at(event, path) in (None, []), path


def test_a_line_published_again_after_an_agreement_was_widened_is_refused_once_and_then_corrected(
    stage: Stage, tmp_path: Path
) -> None:
    """Its id is that of the whole line, so with the memory lost it is the same id with another field beside."""

    state = stage.home / "bolsover"

    def published(*rows: Row) -> subprocess.CompletedProcess[str]:
        file = write(tmp_path / "moves.csv", list(rows))
        return instep(
            stage.connection,
            state,
            "publish",
            file,
            "-a",
            "bolsover",
            "--wait",
            "-o",
            "json",
            "--on-behalf",
        )

    unchanged = row(1, reference="W-1")
    first = published(unchanged)
    assert first.returncode == 0, first.stderr
    assert "reason" in objects(first)[-1]["summary"]["held_back"]
    network = shutil.copytree(stage.network, tmp_path / "network")
    wider = ('    "moved_on",\n', '    "moved_on",\n    "reason",\n')
    edit(network / "agreements" / "council-tax.toml", ("\nversion = 2\n", "\nversion = 3\n"), wider)
    asyncio.run(apply(stage.connection, network, CATALOGUE))
    for file in (state / "publishers").rglob("memory.sqlite*"):
        file.unlink()
    again = published(unchanged)
    assert [line["reason"] for line in objects(again) if line.get("outcome") == "refused"] == ["id-conflict"]
    assert outcomes(published(unchanged)) == {"unchanged": 1}
    changed = published(row(1, reference="W-1", move_date="2026-09-03", recorded_at="2026-09-04T10:00:00Z"))
    summary = objects(changed)[-1]["summary"]
    assert (summary["corrections"], summary["accepted"], changed.returncode) == (1, 1, 0)
    assert "reason" not in summary["held_back"]


def _value_at(event: Any, path: str) -> Any:
    for name in path.split("."):
        event = event and event.get(name)
    return event


def test_waiting_tells_of_each_line_and_the_views_show_the_same(stage: Stage, tmp_path: Path) -> None:
    rows = [row(n, old_postcode="SW9 8FG", new_postcode="NW1 1RN") for n in range(3)]
    file = write(tmp_path / "moves.csv", rows)
    waited = instep(
        stage.connection, tmp_path, "publish", file, "-a", "London Borough of Camden", "--wait", "-o", "json"
    )
    assert waited.returncode == 0, waited.stderr
    answers = {answer["line"]: answer for answer in objects(waited) if answer.get("outcome") == "accepted"}
    assert sorted(answers) == [2, 3, 4]
    assert all(answer["delivered"] == 2 for answer in answers.values()), "to Camden itself and to Lambeth"
    event_ids = {answer["event_id"] for answer in answers.values()}

    seen = instep(stage.connection, tmp_path, "outcomes", "camden", "-o", "json")
    assert {outcome["event_id"] for outcome in objects(seen)} == event_ids
    inbox = instep(
        stage.connection, tmp_path, "inbox", "lambeth", "council-tax", "--from-beginning", "-o", "json"
    )
    deliveries = [item for item in objects(inbox) if item["content"]["header"]["source"] == "camden"]
    assert {delivery["headers"]["ce_id"] for delivery in deliveries} == event_ids
    assert all("born_on" not in delivery["content"]["person"] for delivery in deliveries)
    table = instep(stage.connection, tmp_path, "inbox", "lambeth", "--last", "3")
    assert "Testcase" in table.stdout
    assert "1990-01-31" not in table.stdout
    rejected = instep(stage.connection, tmp_path, "rejected", "camden")
    assert (rejected.returncode, rejected.stdout) == (0, "")
    assert "Nothing has been refused" in rejected.stderr


def test_an_event_that_the_network_refuses_is_told_and_can_be_published_again(
    stage: Stage, tmp_path: Path
) -> None:
    event = {
        "event_type": "resident-moved",
        "header": {
            "event_id": "6f8b5b0e-54b5-4e5e-9d55-0a8ae0b0a001",
            "subject_ref": "wait-1",
            "change_kind": "CORRECT",
            "replaces": "6f8b5b0e-54b5-4e5e-9d55-0a8ae0b0a000",
            "occurred_on": "2026-09-01",
            "recorded_at": "2026-09-02T10:00:00Z",
            "handling": "ORDINARY",
        },
        "person": {"family_name": "Testcase"},
        "new_address": {"postcode": "CR0 0QF"},
        "moved_on": "2026-09-01",
    }
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps(event) + "\n", encoding="utf-8")
    command = ("publish", file, "-a", "croydon", "--wait")
    refused = instep(stage.connection, tmp_path, *command, "-o", "json")
    assert refused.returncode == 1
    (answer,) = [line for line in objects(refused) if line.get("outcome") == "refused"]
    assert (answer["line"], answer["reason"]) == (1, "replaces-unknown")
    shown = instep(stage.connection, tmp_path, "rejected", "croydon", "-o", "json")
    (refusal,) = objects(shown)
    assert refusal["reason"] == "replaces-unknown"
    assert refusal["meaning"]
    assert refusal["remedy"]
    assert "corrects or annuls" in instep(stage.connection, tmp_path, "rejected", "croydon").stdout.replace(
        "\n", " "
    )
    again = instep(stage.connection, tmp_path, *command)
    assert "Refused by the network" in again.stdout


def test_a_line_that_cannot_be_put_right_is_listed_and_the_others_go_on(stage: Stage, tmp_path: Path) -> None:
    rows = [row(1), row(2, move_date="2026-02-30"), row(3, family_name=""), row(4, new_postcode="sw98fg")]
    file = write(tmp_path / "moves.csv", rows)
    done = instep(
        stage.connection, tmp_path, "publish", file, "-a", "derbyshire", "-o", "json", "--on-behalf"
    )
    assert done.returncode == 1
    assert outcomes(done) == {"published": 2, "refused": 2}
    faults = [(line["line"], line["column"]) for line in objects(done) if line.get("outcome") == "refused"]
    assert faults == [(3, "move_date"), (4, "family_name")]
    write(file, [*rows, row(5)])
    shown = instep(stage.connection, tmp_path, "publish", file, "-a", "derbyshire", "--on-behalf")
    assert shown.returncode == 1
    assert "move_date" in shown.stdout
    assert "not a day of the calendar" in shown.stdout


def test_a_file_that_cannot_be_used_is_one_sentence(stage: Stage, tmp_path: Path) -> None:
    def publishing(name: str, content: bytes | None) -> subprocess.CompletedProcess[str]:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        return instep(stage.connection, tmp_path, "publish", tmp_path / name, "-a", "leeds")

    assert_refused_in_one_sentence(publishing("missing.csv", None), "missing.csv", "not there")
    assert_refused_in_one_sentence(publishing("empty.csv", b""), "empty.csv")
    assert_refused_in_one_sentence(publishing("moves.xlsx", b"PK\x03\x04"), "moves.xlsx", "no Excel workbook")
    assert_refused_in_one_sentence(publishing("really.csv", b"PK\x03\x04\x00\x00\x00\x00" * 50), "really.csv")
    assert_refused_in_one_sentence(publishing("other.csv", b"a,b,c\n1,2,3\n"), "other.csv")
    assert_refused_in_one_sentence(publishing("other.json", b'{"hello": 1}'), "other.json")
    assert asyncio.run(in_topic(stage.connection, "leeds.outbox")) == []


def test_a_file_that_is_cut_off_publishes_what_is_whole_and_says_so(stage: Stage, tmp_path: Path) -> None:
    # At addresses of their own: a cut row may be of any household at its addresses, which would be held back.
    file = write(tmp_path / "moves.csv", [at_home(n) for n in range(4)])
    file.write_bytes(file.read_bytes()[:-60])
    done = instep(stage.connection, tmp_path, "publish", file, "-a", "high-peak", "-o", "json", "--on-behalf")
    assert done.returncode == 1
    assert outcomes(done) == {"published": 3, "refused": 1}
    (fault,) = [line for line in objects(done) if line.get("outcome") == "refused"]
    assert (fault["line"], fault["reason"]) == (5, "cut-off")


def test_a_move_at_neither_end_ours_is_not_sent_unless_on_behalf_of_another_council(
    stage: Stage, tmp_path: Path
) -> None:
    file = write(tmp_path / "moves.csv", [row(1, reference="B-1")])
    command = ("publish", file, "-a", "north-yorkshire", "-o", "json")
    refused = instep(stage.connection, tmp_path, *command)
    assert (refused.returncode, outcomes(refused)) == (1, {"refused": 1})
    assert "--on-behalf" in refused.stdout
    assert asyncio.run(in_topic(stage.connection, "north-yorkshire.outbox")) == []
    sent = instep(stage.connection, tmp_path, *command, "--on-behalf")
    assert (sent.returncode, outcomes(sent)) == (0, {"published": 1})
    (line,) = [one for one in objects(sent) if one.get("outcome") == "published"]
    assert [one["note"] for one in line["notes"]] == ["on-behalf"]


def test_names_of_protected_people_are_not_on_the_bus_where_no_agreement_may_carry_them(
    stage: Stage, tmp_path: Path
) -> None:
    file = write(tmp_path / "moves.csv", [row(1, reference="S-1", family_name="Shieldtest", protected="yes")])
    command = ("publish", file, "-a", "north-east-derbyshire", "--on-behalf", "-o", "json")
    done = instep(stage.connection, tmp_path, *command)
    assert done.returncode == 0, done.stderr
    shared = {
        path
        for terms in asyncio.run(read_network(stage.connection)).agreements_of(
            "north-east-derbyshire", "resident-moved"
        )
        for share in terms.shares
        if share.protected
        for path in share.fields
    }
    assert "person" not in shared
    assert "person.family_name" not in shared
    (item,) = asyncio.run(in_topic(stage.connection, "north-east-derbyshire.outbox"))
    assert "Shieldtest" not in json.dumps(item.content)
    assert "1 Old Street" not in json.dumps(item.content)


def test_an_unknown_authority_is_answered_with_the_nearest(stage: Stage, tmp_path: Path) -> None:
    file = write(tmp_path / "moves.csv", [row(1)])
    done = instep(stage.connection, tmp_path, "publish", file, "-a", "lambth")
    assert_refused_in_one_sentence(done, "lambth", "did you mean lambeth?")
    gone = instep(stage.connection, tmp_path, "publish", file, "-a", "harrogate")
    assert_refused_in_one_sentence(gone, "harrogate", "replaced by north-yorkshire")
    assert_refused_in_one_sentence(
        instep(stage.connection, tmp_path, "inbox", "leeds", "council-taxes"), "council-tax"
    )


def test_a_reader_sees_what_comes_and_moves_nobodys_place(stage: Stage, tmp_path: Path) -> None:
    following = subprocess.Popen(
        [INSTEP, "inbox", "bolsover", "--follow", "-o", "json"],
        env=environ(stage.connection, tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert following.stderr is not None
        assert following.stdout is not None
        assert "Waiting" in following.stderr.readline()
        moved = row(1, new_postcode="S43 4TG", old_postcode="S40 3JS")
        file = write(tmp_path / "moves.csv", [moved])
        published = instep(stage.connection, tmp_path, "publish", file, "-a", "chesterfield", "-o", "json")
        (sent,) = [line for line in objects(published) if line.get("outcome") == "published"]
        assert json.loads(following.stdout.readline())["headers"]["ce_id"] == sent["event_id"]
    finally:
        following.send_signal(signal.SIGINT)
        code = following.wait(20)
        following.communicate()
    assert code == 130


def test_no_broker_is_one_sentence(tmp_path: Path) -> None:
    nowhere = Connection(bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}", security_protocol="PLAINTEXT")
    file = write(tmp_path / "moves.csv", [row(1)])
    assert_refused_in_one_sentence(
        instep(nowhere, tmp_path, "publish", file, "-a", "leeds"), "No broker answers"
    )
    assert_refused_in_one_sentence(instep(nowhere, tmp_path, "inbox", "leeds"), "No broker answers")


MANY = 3000


@pytest.fixture
def network_and_file(own_broker: Broker, tmp_path: Path) -> tuple[Connection, Path]:
    connection = own_broker.own_connection
    asyncio.run(apply(connection, SAMPLE, CATALOGUE))
    return connection, write(tmp_path / "many.csv", [row(n) for n in range(MANY)])


def begin_publishing(connection: Connection, file: Path, state: Path) -> "subprocess.Popen[str]":
    """Publish, and return once a good part has been confirmed and as much is left."""
    running = subprocess.Popen(
        [INSTEP, "publish", str(file), "-a", "lambeth", "-o", "json"],
        env=environ(connection, state),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    for _ in range(1000):
        assert '"published"' in running.stdout.readline()
    assert running.poll() is None
    return running


def second_run_completes(connection: Connection, file: Path, state: Path, published_before: int) -> None:
    """The second run brings every row into the outbox; what it repeats, it repeats under the same ids."""
    again = instep(connection, state, "publish", file, "-a", "lambeth", "-o", "json")
    assert again.returncode == 0, again.stderr
    counts = outcomes(again)
    assert counts["unchanged"] >= published_before > 0
    assert counts["published"] > 0, "nothing was left to do: the interruption came too late to show anything"
    assert counts["unchanged"] + counts["published"] == MANY
    headers = [item.content["header"] for item in asyncio.run(in_topic(connection, "lambeth.outbox"))]
    events = {(header["subject_ref"], header["event_id"]) for header in headers}
    assert len(events) == MANY
    assert len({subject for subject, _ in events}) == MANY


def test_when_the_broker_goes_away_it_says_so_and_a_second_run_completes_it(
    network_and_file: tuple[Connection, Path], own_broker: Broker, tmp_path: Path
) -> None:
    connection, file = network_and_file
    running = begin_publishing(connection, file, tmp_path)
    own_broker.kill()
    began = time.monotonic()
    stdout, stderr = running.communicate(timeout=120)
    assert time.monotonic() - began < 60
    assert running.returncode == 1
    *progress, line = stderr.splitlines()
    assert all(shown.startswith("publishing many.csv") for shown in progress)
    assert "stopped confirming" in line
    assert "running the same command again completes it" in line
    summary = json.loads(stdout.splitlines()[-1])["summary"]
    assert f" {summary['outcomes']['published']} events were published before that" in line
    own_broker.start()
    second_run_completes(connection, file, tmp_path, summary["outcomes"]["published"])


def test_ctrl_c_says_what_was_sent_and_a_second_run_completes_it(
    network_and_file: tuple[Connection, Path], tmp_path: Path
) -> None:
    connection, file = network_and_file
    running = begin_publishing(connection, file, tmp_path)
    running.send_signal(signal.SIGINT)
    stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in stderr
    assert "Stopped." in stderr
    summary = json.loads(stdout.splitlines()[-1])["summary"]
    second_run_completes(connection, file, tmp_path, summary["outcomes"]["published"])
