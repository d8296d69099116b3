"""Gives all figures of a run of the demo as JSON, for `.instep/demo.json`."""

from dataclasses import asdict
from typing import Any

from instep.demo.journey import Journey
from instep.demo.report import figures


def as_json(journey: Journey) -> dict[str, Any]:
    """Every figure, for `.instep/demo.json`."""
    evidence = journey.evidence
    councils = sorted(
        {record.slot.authority for record in evidence.said}
        | {record.authority for record in evidence.received}
    )
    return {
        "network": journey.network.name,
        "generation": journey.network.generation,
        "authorities": len(journey.network.participants),
        "holds": journey.holds,
        "seconds": {stage: round(seconds, 1) for stage, seconds in journey.seconds.items()},
        "files": {file: dict(outcomes) for file, outcomes in journey.lines.items()},
        "held_back": dict(journey.kept_at_home),
        "redated_rows": journey.redated,
        "agreements_moved_on_by_days": journey.moved_on,
        "refused_lines": [
            {"place": place, "column": result.column, "reason": result.printed_reason}
            for place, result in journey.faulty
        ],
        "total": asdict(figures(evidence)),
        "councils": {id: asdict(figures(evidence, id)) for id in councils},
        "checks": [asdict(check) | {"holds": check.holds} for check in journey.checks],
        "restarts": {service.name: service.restarts for service in journey.services},
        "metrics": metrics(journey),
        "attempts": [asdict(attempt) | {"holds": attempt.holds} for attempt in journey.attempts],
        "suspension": asdict(journey.suspension) if journey.suspension else None,
    }


def metrics(journey: Journey) -> dict[str, float]:
    """A few figures as the services' own metrics have them."""
    intake, router = journey.metrics["intake"], journey.metrics["router"]
    return {
        "instep_intake_events_total": intake.total("instep_intake_events_total"),
        "instep_intake_rejections_total": intake.total("instep_intake_rejections_total"),
        "instep_router_deliveries_total": router.total("instep_router_deliveries_total"),
        "instep_router_withheld_total": router.total("instep_router_withheld_total"),
        "instep_router_duplicates_total": router.total("instep_router_duplicates_total"),
        "instep_network_generation": router.total("instep_network_generation"),
        "kafka_consumergroup_lag (intake)": intake.total("kafka_consumergroup_lag"),
        "kafka_consumergroup_lag (router)": router.total("kafka_consumergroup_lag"),
    }
