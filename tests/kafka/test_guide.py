"""The page for a team without an engineer, followed by the letter: from an export to a filled work list, on a real Kafka."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from instep.client.kept_outcomes import opened as opened_answers
from instep.client.worklist import SHEET
from tests.kafka.stage import Stage, opened, sample
from tests.kafka.test_publish import INSTEP, environ
from tests.unit.governance.test_guide_page import COMMANDS

HEADINGS = (
    *("Account Number", "Forenames", "Surname", "Previous Address 1", "Previous Postcode", "Address 1"),
    *("Postcode", "Date of Move", "Household Ref", "Protected", "Date Entered", "Band"),
)
BAD = 9
"""The row of the export that has no date of the calendar."""
ENDLESS_S = 60.0


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """The sample network with its services up."""
    with opened(tmp_path, sample(tmp_path), "intake", "router") as opened_stage:
        yield opened_stage


PEOPLE = (
    (70010001, "Marisol", "Featherby", 1, "HH-501", "no"),
    (70010002, "Tobiah", "Featherby", 1, "HH-501", "no"),
    (70010004, "Halima", "Deverell", 3, "HH-503", "yes"),
    (70010005, "Rafi", "Deverell", 3, "HH-503", "no"),
    (70010006, "Ines", "Okwuosa", 5, "HH-504", "no"),
    (70010007, "Callum", "Ashgrove", 6, "HH-505", "no"),
)
"""Account, forename, surname, number of the house, household, protected: movers from Camden into Lambeth."""


def export(file: Path) -> None:
    """The council's export: a title above, a total below, dates as dates, and one that is none."""
    book = openpyxl.Workbook()
    sheet = book.active
    for cells in (["Movers into the borough"], [], HEADINGS):
        sheet.append(cells)
    entered = datetime(2026, 9, 20, 10)  # noqa: DTZ001 -- as Excel has times
    for account, forename, surname, number, household, protected in PEOPLE:
        moved: object = "31/11/2026" if sheet.max_row + 1 == BAD else date(2026, 9, number)
        places = (f"{number} Old Street", "NW1 1RN", f"{number} New Street", "SW9 8FG")
        sheet.append([account, forename, surname, *places, moved, household, protected, entered, "C"])
    sheet.append(["Total", len(PEOPLE)])
    book.save(file)


def fill(file: Path, *outcomes: str) -> None:
    book = openpyxl.load_workbook(file)
    sheet = book[SHEET]
    column = [cell.value for cell in sheet[1]].index("outcome") + 1
    for number, outcome in enumerate(outcomes, start=2):
        sheet.cell(number, column).value = outcome
    book.save(file)


@dataclass(kw_only=True)
class Team:
    """A council's team in the folder of their work."""

    home: Path
    environ: Mapping[str, str]
    said: str = ""
    code: int = 0
    ran: list[str] = field(default_factory=list)

    def run(self, line: str) -> None:
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.home,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.said, self.code = done.stdout + done.stderr, done.returncode

    def watch_until(self, line: str, arrived: str) -> None:
        """Watch as the page says, until a file is there, and press Ctrl-C."""
        arguments = [INSTEP, *line.split()[1:], "--every", "0.3"]
        with subprocess.Popen(
            arguments, cwd=self.home, env=self.environ, stdout=subprocess.PIPE, text=True
        ) as watching:
            until = time.monotonic() + ENDLESS_S
            while not list(self.home.glob(arrived)) and time.monotonic() < until:
                time.sleep(0.1)
            watching.send_signal(signal.SIGINT)
            self.said, _ = watching.communicate(timeout=30)
        (_,) = self.home.glob(arrived)


def test_a_team_comes_from_an_export_to_a_filled_work_list_by_the_page_alone(
    stage: Stage, tmp_path: Path
) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("four words for a test\n")
    passphrase.chmod(0o600)
    teams = {}
    for name in ("lambeth", "camden"):
        home = tmp_path / name
        home.mkdir()
        env = environ(stage.connection, home / "state") | {"INSTEP_PASSPHRASE_FILE": str(passphrase)}
        env["PATH"] = f"{Path(INSTEP).parent}:{env['PATH']}"
        teams[name] = Team(home=home, environ=env)
    lambeth, camden = teams["lambeth"], teams["camden"]
    export(lambeth.home / "movers.xlsx")
    (lambeth.home / "moves").mkdir()
    (camden.home / "folder").mkdir()

    for line in COMMANDS:
        team = camden if "camden" in line or "tuesday" in line else lambeth
        STEPS.get(line, run_well)(team, line)
        team.ran.append(line)
    assert len(lambeth.ran) + len(camden.ran) == len(COMMANDS)
    with opened_answers(camden.home / "state" / "recipients", "camden") as answers:
        assert sorted(answer.outcome for answer in answers) == [
            "APPLIED",
            "APPLIED",
            "DIFFERS",
            "NOT_MATCHED",
        ]
    for worker in stage.fleet.workers:  # started before there was a network, on a cluster without groups
        logged = [json.loads(line) for line in worker.log.read_text(encoding="utf-8").splitlines()]
        assert logged
        assert [line for line in logged if line["level"] != "info"] == []


def run_well(team: Team, line: str) -> None:
    team.run(line)
    assert team.code == 0, f"{line}\n{team.said}"


def saying(*words: str, code: int = 0) -> Callable[[Team, str], None]:
    def step(team: Team, line: str) -> None:
        team.run(line)
        assert team.code == code, f"{line}\n{team.said}"
        for word in words:
            assert word in team.said, f"{line}\n{team.said}"

    return step


def suggest(team: Team, line: str) -> None:
    run_well(team, line)
    mapping = team.home / "ours.toml"
    text = mapping.read_text(encoding="utf-8")
    for heading in ("new_postcode", "new_address_line_1"):
        assert f"# {heading} = " in text
    mapping.write_text(re.sub(r"^# (new_\w+ = )", r"\1", text, flags=re.MULTILINE), encoding="utf-8")


def bring_elsewhere(team: Team, line: str) -> None:
    run_well(team, f"INSTEP_STATE_DIR={team.home / 'elsewhere'} {line}")


def watch_moves(team: Team, line: str) -> None:
    export(team.home / "moves" / "movers.xlsx")
    team.watch_until(line, "moves/done/*/movers.xlsx")
    assert "5 unchanged since they were published; 1 refused" in team.said
    (why,) = team.home.glob("moves/to-correct/*/instep-why.txt")
    assert f"Line {BAD}: Date of Move: not a day of the calendar" in why.read_text(encoding="utf-8")


def drop_corrected(team: Team, line: str) -> None:
    (back,) = team.home.glob("moves/to-correct/*/movers.xlsx")
    book = openpyxl.load_workbook(back)
    book.active.cell(BAD, HEADINGS.index("Date of Move") + 1).value = date(2026, 9, 30)
    book.save(team.home / "moves" / "movers.xlsx")
    saying("6 lines: 1 published; 5 unchanged")(team, line)


def check_list(team: Team, line: str) -> None:
    fill(team.home / "tuesday.xlsx", "APPLIED", "Aplied")
    saying("Row 3: ", "did you mean APPLIED?", "Nothing was kept", code=1)(team, line)
    fill(team.home / "tuesday.xlsx", "APPLIED", "APPLIED", "not matched")
    saying("3 new", "1 without an outcome yet")(team, line)


def watch_lists(team: Team, line: str) -> None:
    fill(team.home / "tuesday.xlsx", "APPLIED", "APPLIED", "not matched", "done")
    (team.home / "tuesday.xlsx").rename(team.home / "folder" / "tuesday.xlsx")
    team.watch_until(line, "folder/to-correct/*/tuesday.xlsx")
    assert "1 row has to be put right, and no outcome was kept" in team.said
    (back,) = team.home.glob("folder/to-correct/*/tuesday.xlsx")
    fill(back, "APPLIED", "APPLIED", "not matched", "differs")
    back.rename(team.home / "folder" / "tuesday.xlsx")
    team.watch_until(line, "folder/done/*/tuesday.xlsx")
    assert "4 outcomes kept for camden's receipts (3 unchanged, 1 new)" in team.said


_PUBLISH = "instep publish movers.xlsx --authority lambeth --mapping ours.toml"
STEPS: Mapping[str, Callable[[Team, str], None]] = {
    "instep publish movers.xlsx --suggest-mapping > ours.toml": suggest,
    f"{_PUBLISH} --dry-run": saying("5  would be published", "1  refused", "Would be told", code=1),
    f"{_PUBLISH} --wait": saying("5  published", "sent to camden (council-tax)", code=1),
    f"{_PUBLISH} --first --wait": saying("5  unchanged", code=1),
    "instep publisher import lambeth.sealed": bring_elsewhere,
    "instep watch moves --authority lambeth --mapping ours.toml": watch_moves,
    "instep watch moves --authority lambeth --mapping ours.toml --once": drop_corrected,
    "instep why --reference 70010004 --authority lambeth": saying(
        "Withheld from camden (council-tax): protected"
    ),
    "instep inbox camden council-tax --work-list --to tuesday.xlsx": saying("4 records are in tuesday.xlsx"),
    "instep worklist check tuesday.xlsx": check_list,
    "instep watch folder --authority camden": watch_lists,
}


def test_each_step_that_has_an_answer_of_its_own_is_a_command_of_the_page() -> None:
    assert set(STEPS) <= set(COMMANDS)
