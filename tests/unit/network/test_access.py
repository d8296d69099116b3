"""Access: an authorizer that follows the broker's rules answers whether each principal may do each thing."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.network.access import ADMIN, ANY, Acl, access, purpose_service, service_principal
from instep.network.authorities import Authority
from instep.network.network import Network, load
from instep.network.records import from_records, to_records
from instep.network.services import SERVICES
from instep.network.settings import settings_errors
from instep.network.topic_specs import topic_specs
from instep.network.topics import inboxes
from tests.unit.sharing import agreement

SAMPLE = load(Path(__file__).parents[3] / "deploy/network/sample")
PLAN = access(SAMPLE)
COUNCILS = SAMPLE.participants


class Authorizer:
    """A broker's answers, by Kafka's own rules: some ACL must allow the operation; READ and WRITE imply DESCRIBE."""

    def __init__(self, acls: Iterable[Acl]) -> None:
        self._acls = list(acls)

    def allows(self, principal: str, resource: str, name: str, operation: str) -> bool:
        granting = {operation} | ({"READ", "WRITE", "DELETE", "ALTER"} if operation == "DESCRIBE" else set())
        return any(
            acl.principal == principal
            and acl.resource == resource
            and acl.operation in granting
            and (name.startswith(acl.name) if acl.prefixed else acl.name in (name, ANY))
            for acl in self._acls
        )

    def who(self, resource: str, name: str, operation: str) -> set[str]:
        principals = {acl.principal for acl in self._acls}
        return {principal for principal in principals if self.allows(principal, resource, name, operation)}


BROKER = Authorizer(PLAN.acls)


@pytest.mark.parametrize(
    ("topic", "writers", "readers"),
    [
        ("leeds.outbox", {"leeds", "leeds.placements"}, {"leeds", "instep.intake"}),
        ("high-peak.outbox", {"high-peak"}, {"high-peak", "instep.intake"}),
        ("leeds.rejected", {"instep.intake", "instep.router"}, {"leeds"}),
        ("leeds.outcomes", {"instep.router"}, {"leeds"}),
        ("leeds.inbox.placements", {"instep.router"}, {"leeds", "leeds.placements"}),
        ("leeds.inbox.council-tax", {"instep.router"}, {"leeds"}),
        ("instep.events", {"instep.intake"}, {"instep.router"}),
        ("instep.disclosures", {"instep.router"}, set()),
        ("instep.intake.state", {"instep.intake", ADMIN}, {"instep.intake"}),
        ("instep.router.state", {"instep.router", ADMIN}, {"instep.router"}),
        ("instep.network", {ADMIN}, PLAN.principals),
        ("__consumer_offsets", set(), set()),
    ],
)
def test_a_topic_is_written_and_read_by_those_whom_the_design_names_and_nobody_else(
    topic: str, writers: set[str], readers: set[str]
) -> None:
    assert BROKER.who("topic", topic, "WRITE") == writers
    assert BROKER.who("topic", topic, "READ") == readers


def test_no_council_makes_deletes_or_configures_anything_or_uses_a_transactional_id() -> None:
    for acl in PLAN.acls:
        if not acl.principal.startswith("instep."):
            assert acl.operation in ("READ", "WRITE"), acl
            assert acl.resource in ("topic", "group"), acl


def test_a_transactional_id_belongs_to_one_service_and_to_each_of_its_lanes() -> None:
    for name in SERVICES:
        ids = {
            acl.name
            for acl in PLAN.acls
            if acl.principal == service_principal(name) and "trans" in acl.resource
        }
        assert ids == {f"sample-{name}-{lane}" for lane in range(4)}
        assert not [acl for acl in PLAN.acls if acl.prefixed and acl.principal == service_principal(name)]
    assert BROKER.who("transactional-id", "sample-router-0", "WRITE") == {"instep.router"}
    assert BROKER.who("transactional-id", "sample-apply", "WRITE") == {ADMIN}


def test_every_topic_is_named_whole_but_for_the_admins_looking_and_configuring() -> None:
    for acl in PLAN.acls:
        if acl.resource == "topic" and (acl.name == ANY or acl.prefixed):
            assert acl.principal == ADMIN
            assert acl.operation not in ("READ", "WRITE")


def test_the_admin_reads_no_councils_topic() -> None:
    for topic in topic_specs(SAMPLE):
        if topic.name != "instep.network":
            assert ADMIN not in BROKER.who("topic", topic.name, "READ"), topic.name


def test_every_service_that_keeps_state_has_its_rights() -> None:
    for name in SERVICES:
        assert BROKER.who("group", f"sample-{name}", "READ") == {service_principal(name)}
        assert BROKER.allows(service_principal(name), "topic", f"instep.{name}.state", "WRITE")
        assert BROKER.allows(service_principal(name), "topic", "instep.network", "READ")


def test_a_service_of_one_purpose_reads_that_inbox_and_nothing_else_of_its_council() -> None:
    principal = purpose_service("leeds", "placements")
    read = {
        topic.name for topic in topic_specs(SAMPLE) if BROKER.allows(principal, "topic", topic.name, "READ")
    }
    assert read == {"leeds.inbox.placements", "instep.network"}
    assert BROKER.allows(principal, "topic", "leeds.outbox", "WRITE"), "it answers with receipts"
    assert not BROKER.allows(principal, "group", "leeds.housing", "READ")


def test_councils_have_a_quota_and_services_have_none() -> None:
    assert PLAN.limited == {*COUNCILS, "leeds.placements"}


def test_an_authority_that_has_left_reads_what_lies_in_its_topics_and_says_nothing_any_more() -> None:
    ended = replace(SAMPLE.authorities["bolsover"], valid_to=date(2026, 3, 31), replaced_by=("derbyshire",))
    network = replace(
        SAMPLE, authorities={**SAMPLE.authorities, "bolsover": ended}, agreements={}, principals={}
    )
    before = {topic.name for topic in topic_specs(SAMPLE)}
    plan = access(network, before)
    broker = Authorizer(plan.acls)
    for topic in ("bolsover.outbox", "bolsover.rejected", "bolsover.inbox.council-tax"):
        assert "bolsover" in broker.who("topic", topic, "READ")
        assert "bolsover" not in broker.who("topic", topic, "WRITE")
    assert "harrogate" not in plan.principals, "it had left before there were topics"
    assert "bolsover" not in access(network, ()).principals


def test_what_lies_in_a_topic_that_is_kept_can_still_be_read_and_services_in_the_middle_do_not_fall_over() -> (
    None
):
    fewer = replace(SAMPLE, agreements={}, principals={})
    kept = {topic.name for topic in topic_specs(SAMPLE)} | {"stranger.inbox.council-tax", "leeds", "leeds.x"}
    broker = Authorizer(access(fewer, kept).acls)
    assert broker.who("topic", "leeds.inbox.placements", "WRITE") == {"instep.router"}
    assert broker.who("topic", "leeds.inbox.placements", "READ") == {"leeds"}
    for other in ("stranger.inbox.council-tax", "leeds", "leeds.x"):
        assert broker.who("topic", other, "WRITE") == broker.who("topic", other, "READ") == set()


NAMES = st.lists(
    # Names that begin like others, so that a prefix would match too much.
    st.sampled_from(
        ["leeds", "leeds-admin", "leeds-a", "lee", "intake", "router", "admin", "broker", "sample"]
    ),
    min_size=2,
    unique=True,
)
PURPOSES = st.sampled_from(["council-tax", "council", "council-tax-2", "inbox", "outbox", "admin"])


@st.composite
def networks(draw: st.DrawFn) -> Network:
    names = draw(NAMES)
    councils = {
        name: Authority(id=name, name=name, gss="", tier="unitary", parent=None, valid_from=date(1974, 4, 1))
        for name in names
    }
    made = {}
    for number, purpose in enumerate(draw(st.lists(PURPOSES, max_size=3))):
        recipients = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        made[f"a{number}"] = agreement(
            f"a{number}",
            approved=(),
            purpose=purpose,
            sources=frozenset(names),
            recipients=frozenset(recipients),
        )
    network = Network(name="n", lanes=2, authorities=councils, agreements=made)
    own = draw(st.lists(st.sampled_from(sorted(inboxes(network))), unique=True)) if made else []
    purposes = {name: tuple(p for a, p in own if a == name) for name in {a for a, _ in own}}
    return replace(network, principals=purposes)


def owner(principal: str) -> str:
    return principal.partition(".")[0]


@given(networks())
def test_nobody_touches_what_is_anothers_whatever_the_names(network: Network) -> None:
    plan = access(network)
    broker = Authorizer(plan.acls)
    for topic in topic_specs(network):
        whose = owner(topic.name)
        readers, writers = (broker.who("topic", topic.name, how) for how in ("READ", "WRITE"))
        councils = {principal for principal in readers | writers if owner(principal) != "instep"}
        if topic.name == "instep.network":
            assert {owner(principal) for principal in writers} == {"instep"}
        else:
            assert {owner(principal) for principal in councils} <= {whose}, topic.name
        if not topic.name.endswith(".outbox"):
            assert {owner(principal) for principal in writers} == {"instep"} or not writers, topic.name
    for principal in plan.principals:
        for name in (f"{principal}.service", f"{principal}-service", principal, f"{principal}x.y"):
            for reader in broker.who("group", name, "READ"):
                assert owner(reader) == owner(name), (reader, name)


@given(networks())
def test_the_plan_depends_on_the_network_alone_and_no_two_principals_are_one(network: Network) -> None:
    assert access(network) == access(from_records(to_records(network)))
    expected = {*network.participants, ADMIN, *(service_principal(name) for name in SERVICES)}
    expected |= {purpose_service(a, p) for a, purposes in network.principals.items() for p in purposes}
    assert access(network).principals == expected
    programs = 1 + len(SERVICES)
    assert len(expected) == len(network.participants) + programs + sum(map(len, network.principals.values()))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"principals": {"leeds": "placements"}}, "leeds must be a list of texts"),
        ({"principals": ["leeds"]}, "principals must be a table"),
        ({"quotas": {"producer_byte_rate": 0}}, "producer_byte_rate must be 1 or more"),
        ({"quotas": {"producer_rate": 5}}, "did you mean producer_byte_rate"),
    ],
)
def test_settings_that_cannot_be_meant_are_named(document: dict[str, object], message: str) -> None:
    (error,) = settings_errors({"name": "sample", "lanes": 4} | document)
    assert message in error.message


def test_a_limit_of_the_networks_own_is_read_from_its_directory(tmp_path: Path) -> None:
    (tmp_path / "network.toml").write_text('name = "nn"\nlanes = 1\nquotas = { producer_byte_rate = 5 }\n')
    (tmp_path / "authorities.csv").write_text(
        "authority,name,gss,tier,parent,valid_from,valid_to,replaced_by\n"
    )
    assert load(tmp_path).quotas.producer_byte_rate == 5
