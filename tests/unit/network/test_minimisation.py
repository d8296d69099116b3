"""A publisher may send fields named by its agreements, codes of addresses and fields required by intake; nothing else."""

import pytest

from instep.catalogue.files import default_directory, load_catalogue
from instep.network.minimisation import may_leave
from tests.unit.sharing import agreement, network, share

CATALOGUE = load_catalogue(default_directory())
MOVED = CATALOGUE.events["resident-moved"]
ALWAYS = {
    f"{address}.{code}"
    for address in ("old_address", "new_address")
    for code in ("authority_gss", "postcode", "country")
} | {"person.family_name", "moved_on"}


def test_without_an_agreement_only_what_places_it_and_what_is_required_leaves() -> None:
    assert may_leave(network(), "bradford", MOVED) == ALWAYS


def test_all_that_agreements_of_the_source_share_of_the_event_leaves() -> None:
    sharing = network(
        agreement("tax", shares=[share(fields=("residence",)), share(fields=("status", "reason"))]),
        agreement("votes", shares=[share(fields=("person.born_on",))]),
        agreement("food", shares=[share(event="business-registered", fields=("operator",))]),
        agreement("theirs", sources=frozenset({"kirklees"}), shares=[share(fields=("contact",))]),
    )
    named = {"residence", "status", "reason", "person.born_on"}
    assert may_leave(sharing, "bradford", MOVED) == ALWAYS | named
    assert may_leave(sharing, "leeds", MOVED) == ALWAYS, "a recipient is no source"


@pytest.mark.parametrize(
    ("differences", "leaves"),
    [
        ({"status": "ended"}, False),
        ({"status": "suspended"}, True),
        ({"approved": ()}, True),
    ],
)
def test_what_may_be_in_force_again_counts_and_what_has_ended_does_not(
    differences: dict[str, object], leaves: bool
) -> None:
    sharing = network(agreement(shares=[share(fields=("contact",))], **differences))  # type: ignore[arg-type]
    assert ("contact" in may_leave(sharing, "bradford", MOVED)) == leaves
