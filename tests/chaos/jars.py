"""The Kafka that a run is on: the one that Instep runs, or another whose jars are pinned here."""

import os
from pathlib import Path

from instep.local.jars import OTHER_PINS, Jars, kafka_jars

OTHERS = {"4.3.1": Path(__file__).with_name("kafka-4.3.1-jars.csv")}
"""4.3.1 skips the end of transactions in partitions without a leader (KAFKA-20734)."""


def jars_of(version: str) -> Jars:
    """The jars of a version, "" for the one that Instep runs. Raises ValueError for a version that is not pinned here."""
    named = {OTHER_PINS: str(OTHERS[version])} if version in OTHERS else {}
    found = kafka_jars({**os.environ, **named})
    if version not in ("", found.version):
        raise ValueError(
            f"No jars of Kafka {version} are pinned, but of {found.version} and {', '.join(OTHERS)}."
        )
    return found
