"""Generate the national network, `deploy/network/uk`, from facts about councils in `deploy/network/uk-source`.

    python -m instep.network.uk deploy/network/uk-source deploy/network/uk

The councils and the duties are real; the agreements are invented. About a twentieth of the parties have not approved. A
digest of a party's name decides, so every run makes the same files.
"""

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from hashlib import blake2b
from io import StringIO
from pathlib import Path

from instep.errors import NetworkError
from instep.network.authorities import ALIAS_COLUMNS, COLUMNS, Authority, authority, read_rows, row

SOURCE_COLUMNS = (
    "authority",
    "name",
    "gss",
    "tier",
    "parent",
    "nation",
    "start_date",
    "end_date",
    "replaced_by",
)
MADE = "# Made by `python -m instep.network.uk` from deploy/network/uk-source: do not edit.\n"

# The City of London is older than any register; its first day here is the first day of Greater London.
_ANCIENT = "1965-04-01"
_APPROVERS = ("SIRO", "Caldicott Guardian", "Monitoring Officer", "Head of Information Governance")
_FIRST_APPROVAL = date(2026, 1, 12)


def make_uk(source: Path, target: Path) -> None:
    """Write the national network's directory. Raises NetworkError for an unsound source."""
    for name, text in uk_files(source).items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")


def uk_files(source: Path) -> dict[str, str]:
    """The text of each file of the national network's directory, by its path within the directory."""
    authorities = _authorities(source / "authorities.csv")
    today = [authority for authority in authorities if authority.valid_to is None]
    agreements = (
        ("uk-council-tax", _bills_council_tax, _bills_council_tax),
        ("uk-food-safety", _registers_food, _inspects_food),
        ("uk-placements", _houses, _houses),
    )
    files = {
        "network.toml": MADE + (source / "network.toml").read_text(encoding="utf-8"),
        "authorities.csv": _csv(COLUMNS, map(row, authorities)),
        "gss_aliases.csv": _csv(ALIAS_COLUMNS, _rows(source / "gss-aliases.csv", ALIAS_COLUMNS)),
    }
    for id, sends, receives in agreements:
        name = f"agreements/{id}.toml"
        terms = (source / name).read_text(encoding="utf-8")
        sources = [authority.id for authority in today if sends(authority)]
        recipients = [authority.id for authority in today if receives(authority)]
        files[name] = MADE + _with_parties(id, terms, sources, recipients)
    return files


def _bills_council_tax(council: Authority) -> bool:
    """No county bills anybody, and Northern Ireland has rates."""
    return council.tier != "county" and council.nation != "northern-ireland"


def _registers_food(council: Authority) -> bool:
    """Scotland has a service of its own."""
    return council.tier != "county" and council.nation != "scotland"


def _inspects_food(council: Authority) -> bool:
    """A county, where there is one, inspects food standards."""
    return council.nation != "scotland"


def _houses(council: Authority) -> bool:
    """The Housing Act's Part 7 is England's."""
    return council.tier != "county" and council.nation == "england"


def _with_parties(id: str, terms: str, sources: list[str], recipients: list[str]) -> str:
    approvals = (_approval(id, party) for party in sorted({*sources, *recipients}))
    for key, values in (
        ("sources", [f'"{party}"' for party in sources]),
        ("recipients", [f'"{party}"' for party in recipients]),
        ("approved", [approval for approval in approvals if approval]),
    ):
        empty = f"\n{key} = []\n"
        if empty not in terms:
            raise NetworkError(f"{id}.toml of the source needs the line `{key} = []`, to be filled")
        terms = terms.replace(
            empty, "\n".join([f"\n{key} = [", *(f"    {value}," for value in values), "]\n"])
        )
    return terms


def _approval(agreement: str, party: str) -> str | None:
    """The party's approval, or None for about a twentieth of the parties; the same in every run."""
    chance, approver, after = blake2b(f"{agreement}/{party}".encode(), digest_size=3).digest()
    if chance < 256 // 20:
        return None
    by = _APPROVERS[approver % len(_APPROVERS)]
    on = _FIRST_APPROVAL + timedelta(days=after % 11 * 7 + after % 5)
    return f'{{ authority = "{party}", by = "{by}", on = {on} }}'


def _authorities(file: Path) -> list[Authority]:
    """Today's councils and all their predecessors, sorted by id."""
    councils = [
        authority(values | {"valid_from": values["start_date"] or _ANCIENT, "valid_to": values["end_date"]})
        for values in _rows(file, SOURCE_COLUMNS)
    ]
    chosen = {authority.id for authority in councils if authority.valid_to is None}
    while predecessors := {
        authority.id
        for authority in councils
        if authority.id not in chosen and chosen.intersection(authority.replaced_by)
    }:
        chosen |= predecessors
    return sorted(
        (authority for authority in councils if authority.id in chosen), key=lambda authority: authority.id
    )


def _rows(file: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    rows, errors = read_rows(file.read_text(encoding="utf-8"), columns)
    if errors:
        raise NetworkError(f"{file}, line {errors[0].line}: {errors[0].message}")
    return (values for _, values in rows)


def _csv(columns: tuple[str, ...], rows: Iterable[Mapping[str, str]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    make_uk(Path(sys.argv[1]), Path(sys.argv[2]))
