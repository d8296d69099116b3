"""The network of a run: the sample's directory, changed as it goes, and what its files said at each generation."""

import csv
import re
import tomllib
from pathlib import Path

from tests.chaos.truth import Generation
from tests.chaos.workload import ELSEWHERE
from tests.kafka.stage import edit, sample

NEWCOMER = "wakefield"
NEWCOMER_LINE = "wakefield,Wakefield Council,E08000036,metropolitan,,1974-04-01,,\n"

UK = Path(__file__).parents[2] / "deploy" / "network" / "uk" / "authorities.csv"
_ALSO_RECIPIENTS = ("council-tax", "electoral-registration", "food-premises")
"""Who is added to these and approves nothing has an inbox of each, and is never sent anything."""

_PARTIES = ("\nsources = [", "\nrecipients = [")


def sample_of_three(home: Path) -> Path:
    """A copy of the sample network for three brokers."""
    directory = sample(home)
    settings = directory / "network.toml"
    copies = "replication_factor = 3\nmin_insync_replicas = 2\n"
    settings.write_text(copies + settings.read_text(encoding="utf-8"), encoding="utf-8")
    return directory


def widen(directory: Path, count: int) -> int:
    """Add so many councils of the UK, with inboxes of three purposes each; returns how many were added.

    No event concerns them, for all addresses are of the sample. But every lane of the router may write their topics, so a
    claim has them all to look at.
    """
    authorities = directory / "authorities.csv"
    text = authorities.read_text(encoding="utf-8")
    here = {(line["authority"], line["gss"]) for line in csv.DictReader(text.splitlines())}
    taken = {one for line in here for one in line} | {NEWCOMER, ELSEWHERE}
    with UK.open(encoding="utf-8", newline="") as file:
        found = [
            line
            for line in csv.DictReader(file)
            if not line["valid_to"] and not taken & {line["authority"], line["gss"]}
        ][:count]
    lines = [
        f'{one["authority"]},"{one["name"]}",{one["gss"]},{one["tier"]},,{one["valid_from"]},,\n'
        for one in found
    ]
    authorities.write_text(text + "".join(lines), encoding="utf-8")
    names = "".join(f'\n    "{one["authority"]}",' for one in found)
    for agreement in _ALSO_RECIPIENTS:
        file_of = directory / "agreements" / f"{agreement}.toml"
        edit(file_of, ("\nrecipients = [", f"\nrecipients = [{names}"))
    return len(found)


def snapshot(directory: Path) -> Generation:
    """What the files say now, in plain dicts."""
    with (directory / "authorities.csv").open(encoding="utf-8", newline="") as file:
        lines = tuple(csv.DictReader(file))
    agreements = tuple(
        tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted((directory / "agreements").glob("*.toml"))
    )
    return Generation(authorities=lines, agreements=agreements, elsewhere=frozenset({ELSEWHERE}))


def toggle(directory: Path) -> str:
    """Suspend the council-tax agreement, or lift that again; returns which."""
    file = directory / "agreements" / "council-tax.toml"
    before = tomllib.loads(file.read_text(encoding="utf-8"))
    after = "suspended" if before["status"] == "active" else "active"
    edit(file, (f'status = "{before["status"]}"', f'status = "{after}"'))
    _raise_version(file)
    return after


def add_authority(directory: Path) -> str:
    """Add an authority and make it a party of the council-tax agreement; returns its id."""
    with (directory / "authorities.csv").open("a", encoding="utf-8") as file:
        file.write(NEWCOMER_LINE)
    agreement = directory / "agreements" / "council-tax.toml"
    approval = f'{{ authority = "{NEWCOMER}", by = "SIRO", on = 2026-03-02 }}'
    edit(
        agreement,
        *((party, f'{party}\n    "{NEWCOMER}",') for party in _PARTIES),
        ("\napproved = [", f"\napproved = [\n    {approval},"),
    )
    _raise_version(agreement)
    return NEWCOMER


def _raise_version(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    raised = re.sub(r"(?m)^version = (\d+)", lambda found: f"version = {int(found[1]) + 1}", text, count=1)
    file.write_text(raised, encoding="utf-8")
