"""The changes that bring a cluster's users, ACLs and quotas to a network's."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from instep.network.access import Access, Acl, access
from instep.network.network import load
from instep.network.settings import Quotas
from instep.provision.access_changes import AccessChanges, CurrentAccess, access_changes
from instep.provision.bindings import Binding, binding

SAMPLE = load(Path(__file__).parents[3] / "deploy/network/sample")
WANTED = access(SAMPLE)
LIMITS = {name: float(value) for name, value in asdict(SAMPLE.quotas).items()}
EMPTY = CurrentAccess(bindings=frozenset(), users=frozenset(), quotas={})
WHOLE = CurrentAccess(
    bindings=frozenset(map(binding, WANTED.acls)),
    users=WANTED.principals,
    quotas=dict.fromkeys(WANTED.limited, LIMITS),
)
PLANTED = binding(Acl(principal="leeds", resource="topic", name="camden.outbox", operation="READ"))


def planned(current: CurrentAccess, formerly: Iterable[str] = (), wanted: Access = WANTED) -> AccessChanges:
    return access_changes(wanted, SAMPLE.quotas, current, frozenset(formerly))


def after(current: CurrentAccess, change: AccessChanges) -> CurrentAccess:
    """The cluster's access after the change."""
    quotas: dict[str, Mapping[str, float]] = dict(current.quotas)
    for user, limits in change.quotas_set.items():
        merged = {**quotas.get(user, {}), **limits}
        quotas[user] = {name: value for name, value in merged.items() if value is not None}
    assert current.users is not None
    return CurrentAccess(
        bindings=current.bindings - set(change.acls_removed) | set(change.acls_created),
        users=current.users - set(change.users_removed) | set(change.users_created),
        quotas={user: limits for user, limits in quotas.items() if limits},
    )


def test_a_new_cluster_gets_everybody_with_what_each_may_do_and_how_much() -> None:
    assert after(EMPTY, planned(EMPTY)) == WHOLE


def test_a_cluster_that_matches_gets_nothing() -> None:
    assert planned(WHOLE).empty


def test_what_somebody_has_been_allowed_by_hand_goes() -> None:
    change = planned(replace(WHOLE, bindings=WHOLE.bindings | {PLANTED}))
    assert change.acls_removed == (PLANTED,)


def test_a_right_from_one_host_or_of_a_kind_that_instep_never_gives_goes_too() -> None:
    odd = {PLANTED._replace(host="10.0.0.1"), PLANTED._replace(resource=6, operation=99)}
    assert set(planned(replace(WHOLE, bindings=WHOLE.bindings | odd)).acls_removed) == odd


def test_acls_of_others_and_stops_are_left_alone_and_listed() -> None:
    others = {
        PLANTED._replace(principal="User:*"),
        PLANTED._replace(principal="User:leeds-admin"),  # no council of this network
        PLANTED._replace(permission=2),
    }
    change = planned(replace(WHOLE, bindings=WHOLE.bindings | others))
    assert change.empty
    assert set(change.unmanaged) == others


def test_who_has_left_the_network_loses_rights_secret_and_limit() -> None:
    left = binding(Acl(principal="york", resource="topic", name="york.outbox", operation="WRITE"))
    current = replace(
        WHOLE,
        bindings=WHOLE.bindings | {left},
        users=WANTED.principals | {"york", "monitoring"},
        quotas={**WHOLE.quotas, "york": LIMITS, "monitoring": LIMITS},
    )
    change = planned(current, formerly={"york"})
    assert change.users_removed == ("york",)
    assert change.acls_removed == (left,)
    assert change.quotas_set == {"york": dict.fromkeys(sorted(LIMITS))}


def test_a_limit_of_another_kind_is_not_ours() -> None:
    current = replace(WHOLE, quotas={**WHOLE.quotas, "leeds": {**LIMITS, "controller_mutation_rate": 5.0}})
    assert planned(current).empty


def test_where_people_sign_in_by_certificates_no_user_is_made() -> None:
    change = planned(replace(EMPTY, users=None))
    assert (change.users_created, change.users_removed) == ((), ())
    assert len(change.acls_created) == len(WANTED.acls)


BINDINGS = st.builds(
    PLANTED._replace,
    principal=st.sampled_from(["User:leeds", "User:york", "User:instep.old", "User:*", "User:leeds-admin"]),
    name=st.sampled_from(["camden.outbox", "leeds.outbox", "*"]),
    operation=st.sampled_from([2, 3, 4, 7]),
    permission=st.sampled_from([2, 3]),
    pattern=st.sampled_from([3, 4]),
)
SOME = st.sets(BINDINGS, max_size=6)
USERS = st.sets(st.sampled_from(["leeds", "york", "instep.old", "monitoring", "camden"]))


@given(SOME, USERS, st.sets(st.sampled_from(sorted(WHOLE.bindings)), max_size=5))
def test_whatever_a_cluster_holds_one_change_makes_it_the_networks(
    extra: set[Binding], users: set[str], missing: set[Binding]
) -> None:
    current = CurrentAccess(
        bindings=WHOLE.bindings - missing | extra,
        users=frozenset(users),
        quotas={user: {"producer_byte_rate": 1.0} for user in users},
    )
    change = planned(current, formerly={"york"})
    now = after(current, change)
    assert planned(now, formerly={"york"}).empty
    allowed = {acl for acl in now.bindings if acl.allows}
    ours = {*WANTED.principals, "york", "instep.old"}
    assert {acl for acl in allowed if acl.user in ours} == WHOLE.bindings
    assert now.users is not None
    assert now.users - {"monitoring"} == WANTED.principals
    assert {acl for acl in current.bindings if acl.user not in ours} <= now.bindings


def test_other_limits_are_set_anew() -> None:
    change = access_changes(WANTED, Quotas(producer_byte_rate=5), WHOLE, ())
    assert change.quotas_set == {user: {"producer_byte_rate": 5.0} for user in sorted(WANTED.limited)}
