"""Flows: who shares which fields with whom, as a table for people and as a diagram."""

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from instep.errors import NetworkError
from instep.network.diagram import flowchart
from instep.network.flows import Flow, chosen, flows, of_authority
from instep.network.network import Network, load
from instep.router.decide import Result, decide
from tests.unit.sharing import facts

NETWORKS = Path(__file__).parents[3] / "deploy/network"
SAMPLE = load(NETWORKS / "sample")
UK = load(NETWORKS / "uk")
TODAY = date(2026, 11, 26)
FLOW = Flow(
    sources=("leeds",),
    recipients=("bradford", "wakefield"),
    purpose="council-tax",
    event="resident-moved",
    when="always",
    protected=False,
    fields=("moved_on",),
    agreement="tax@1",
    standing="active",
)


@pytest.mark.parametrize("network", [SAMPLE, UK], ids=lambda network: network.name)
def test_of_each_share_every_pair_of_parties_is_in_one_flow(network: Network) -> None:
    for agreement in network.agreements.values():
        alone = replace(network, agreements={agreement.id: agreement})
        pairs = Counter(
            (source, recipient)
            for flow in flows(alone, TODAY)
            for source in flow.sources
            for recipient in flow.recipients
        )
        assert set(pairs) == {(a, b) for a in agreement.sources for b in agreement.recipients}
        assert set(pairs.values()) == {len(agreement.shares)}


@pytest.mark.parametrize("day", [TODAY, date(2026, 12, 19), date(2027, 1, 1), date(2027, 4, 1)])
def test_a_flow_is_active_where_the_router_delivers_and_nowhere_else(day: date) -> None:
    active = {
        (source, recipient, flow.purpose, flow.event)
        for flow in flows(SAMPLE, day)
        if flow.standing == "active"
        for source in flow.sources
        for recipient in flow.recipients
    }
    councils = frozenset(SAMPLE.authorities)
    delivered = {
        (source, entry.authority, entry.purpose, event)
        for source in councils
        for event in ("resident-moved", "business-registered")
        for entry in decide(
            facts(source=source, event_type=event, concerned=councils, day=day), SAMPLE
        ).entries
        if entry.result is Result.DELIVERED
    }
    assert active == delivered
    assert ("camden", "lambeth", "licensing", "business-registered") in active or day < date(2027, 1, 1)


def test_what_does_not_stand_says_why() -> None:
    why = {flow.agreement: flow.standing for flow in flows(SAMPLE, TODAY)}
    assert why["electoral-registration@1"] == "suspended"
    assert why["licensed-premises@1"] == "not-yet-effective"
    stopped = [flow for flow in flows(SAMPLE, TODAY) if flow.standing == "not-approved"]
    assert {flow.agreement for flow in stopped} == {"council-tax@2"}
    assert all(("leeds",) in (flow.sources, flow.recipients) for flow in stopped)


def test_of_one_authority_only_what_it_tells_and_what_it_is_told_is_left() -> None:
    for flow in of_authority(flows(UK, TODAY), "leeds"):
        assert ("leeds",) in (flow.sources, flow.recipients)
        assert not {"leeds"} & ({*flow.sources} & {*flow.recipients})
    assert of_authority([FLOW], "wakefield") == (replace(FLOW, recipients=("wakefield",)),)
    assert of_authority([FLOW], "york") == ()


def test_a_name_that_is_not_there_is_told_with_the_nearest() -> None:
    assert {flow.purpose for flow in chosen(SAMPLE, TODAY, purpose="placements")} == {"placements"}
    with pytest.raises(NetworkError, match=r"purpose 'placement' \(did you mean placements\?\)"):
        chosen(SAMPLE, TODAY, purpose="placement")
    with pytest.raises(NetworkError, match=r"'leads' is no authority of sample \(did you mean leeds\?\)"):
        chosen(SAMPLE, TODAY, authority="leads")


def test_a_flow_is_drawn_from_each_source_to_each_recipient() -> None:
    assert list(flowchart([FLOW])) == [
        "flowchart LR",
        '  flow0["tax@1<br>council-tax: resident-moved"]',
        '  sources0(["leeds"])',
        "  sources0 --> flow0",
        '  recipients1(["bradford"])',
        "  flow0 --> recipients1",
        '  recipients2(["wakefield"])',
        "  flow0 --> recipients2",
    ]


def test_what_does_not_stand_is_drawn_broken_and_many_councils_as_one_box() -> None:
    many = replace(FLOW, standing="suspended", recipients=tuple(f"council-{at}" for at in range(11)))
    drawn = list(flowchart([many, FLOW]))
    assert drawn[1] == '  flow0["tax@1<br>council-tax: resident-moved<br>suspended"]'
    assert '  recipients1(["11 councils"])' in drawn
    assert "  flow0 -.-> recipients1" in drawn
    assert drawn.count('  sources0(["leeds"])') == 1
    assert len(list(flowchart(flows(UK, TODAY)))) < 100


def test_no_name_breaks_out_of_its_box() -> None:
    drawn = "\n".join(flowchart([replace(FLOW, sources=('"]--><script>\x1b#',))]))
    assert '(["#quot;]--#gt;#lt;script#gt;\\x1b#35;"])' in drawn
