"""The network of the benchmark: four councils that publish, two that receive, one agreement."""

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


def write_network(directory: Path) -> Path:
    """Make the network's directory, and return it."""
    (directory / "agreements").mkdir(parents=True)
    (directory / "network.toml").write_text(f'name = "bench"\nlanes = {LANES}\n')
    (directory / "authorities.csv").write_bytes((_SAMPLE / "authorities.csv").read_bytes())
    parties = [*SOURCES, *RECIPIENTS]
    approved = ", ".join(f'{{ authority = "{one}", by = "SIRO", on = 2026-03-02 }}' for one in parties)
    (directory / "agreements" / "bench.toml").write_text(f"""
id = "bench"
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
sources = {list(SOURCES)}
recipients = {list(RECIPIENTS)}
approved = [{approved}]

[[share]]
event = "resident-moved"
when = "concerns-recipient"
change_kinds = ["NEW", "CORRECT", "ANNUL", "REFRESH"]
protected = false
fields = {list(FIELDS)}
""")
    return directory
