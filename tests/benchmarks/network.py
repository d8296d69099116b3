"""The network of the benchmark: four councils that publish, two that receive, one agreement; and others as wanted."""

from collections.abc import Sequence
from itertools import combinations, islice
from pathlib import Path

LANES = 4
PURPOSE = "council-tax"
SOURCES = ("camden", "croydon", "lambeth", "leeds")
RECIPIENTS = ("barnsley", "north-yorkshire")
FIELDS = (
    "person.title",
    "person.given_names",
    "person.family_name",
    "old_address",
    "new_address",
    "moved_on",
    "residence",
    "status",
    "group_ref",
)

_SAMPLE = Path(__file__).parents[2] / "deploy" / "network" / "sample"


def write_network(directory: Path, *, others: int = 0, agreements: int = 1) -> Path:
    """Make the network's directory, and return it.

    `others` are authorities besides the sample's; agreements beyond the first are between two of them each.
    """
    (directory / "agreements").mkdir(parents=True)
    (directory / "network.toml").write_text(f'name = "bench"\nlanes = {LANES}\n')
    names = [f"other-{number:03d}" for number in range(others)]
    rows = "".join(
        f"{name},Council {number},E99{number:06d},unitary,,1974-04-01,,\n"
        for number, name in enumerate(names)
    )
    (directory / "authorities.csv").write_text((_SAMPLE / "authorities.csv").read_text() + rows)
    _write_agreement(directory, "bench", SOURCES, RECIPIENTS)
    for number, pair in enumerate(islice(combinations(names, 2), agreements - 1)):
        _write_agreement(directory, f"other-{number:04d}", pair, pair)
    return directory


def _write_agreement(directory: Path, name: str, sources: Sequence[str], recipients: Sequence[str]) -> None:
    parties = dict.fromkeys((*sources, *recipients))
    approved = ", ".join(f'{{ authority = "{one}", by = "SIRO", on = 2026-03-02 }}' for one in parties)
    (directory / "agreements" / f"{name}.toml").write_text(f"""
id = "{name}"
version = 1
status = "active"
purpose = "{PURPOSE}"
lawful_basis = "UK GDPR Article 6(1)(e)"
legal_power = "Local Government Finance Act 1992, Schedule 2"
effective_from = 2026-04-01
review_by = 2099-03-31
retention_days = 730
respond_within = "10 working days"
dpia = "BENCH"
contact = "bench@example.org"
sources = {list(sources)}
recipients = {list(recipients)}
approved = [{approved}]

[[share]]
event = "resident-moved"
when = "concerns-recipient"
change_kinds = ["NEW", "CORRECT", "ANNUL", "REFRESH"]
protected = false
fields = {list(FIELDS)}
""")
