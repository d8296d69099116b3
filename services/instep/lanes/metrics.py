"""Defines the Prometheus metrics that every service has of its lanes (shares of the partitions), each name written once."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_EVENTS = (1, 10, 100, 500, 1000, 2500, 5000, 10000, 20000)

Lag = tuple[str, int, int]  # topic, partition, records not yet committed


class LaneMetrics:
    """The metrics of a service's lanes. Label children are resolved once, and increased after the commit."""

    def __init__(self, registry: CollectorRegistry, service: str, version: str) -> None:
        self.registry = registry
        transactions = Counter(
            "instep_lane_transactions",
            "Transactions ended, by result.",
            ["service", "result"],
            registry=registry,
        )
        self.committed = transactions.labels(service, "committed")
        self.aborted = transactions.labels(service, "aborted")
        self.seconds = Histogram(
            "instep_lane_transaction_seconds",
            "Duration of a transaction, from its first record to the commit.",
            ["service"],
            buckets=_SECONDS,
            registry=registry,
        ).labels(service)
        self.events = Histogram(
            "instep_lane_batch_events",
            "Events in a committed transaction.",
            ["service"],
            buckets=_EVENTS,
            registry=registry,
        ).labels(service)
        self.restore = Histogram(
            "instep_lane_restore_seconds",
            "Duration of a claim, from its beginning until the lane reads; the restore of the state is part of it.",
            ["service"],
            buckets=(*_SECONDS, 10.0, 30.0, 60.0, 300.0),
            registry=registry,
        ).labels(service)
        self.generation = Gauge(
            "instep_network_generation", "Generation of the network in force.", ["service"], registry=registry
        ).labels(service)
        Gauge(
            "instep_build_info",
            "Always 1; the version is a label.",
            ["service", "version"],
            registry=registry,
        ).labels(service, version).set(1)


class LagCollector(Collector):
    """`kafka_consumergroup_lag`, computed at each scrape: 0 when nothing is left, markers included."""

    def __init__(self, group: str, lags: Callable[[], Iterable[Lag]]) -> None:
        self._group = group
        self._lags = lags

    def describe(self) -> Iterator[Metric]:
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        family = self._family()
        for topic, partition, lag in self._lags():
            family.add_metric([self._group, topic, str(partition)], lag)
        yield family

    def _family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "kafka_consumergroup_lag",
            "Records that the group has yet to commit.",
            labels=["consumergroup", "topic", "partition"],
        )


class HangingCollector(Collector):
    """`instep_lane_hanging_seconds`, computed at each scrape: 0 where no transaction hangs."""

    def __init__(self, service: str, hanging: Callable[[], Iterable[tuple[int, float]]]) -> None:
        self._service = service
        self._hanging = hanging

    def describe(self) -> Iterator[Metric]:
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        family = self._family()
        for lane, seconds in self._hanging():
            family.add_metric([self._service, str(lane)], seconds)
        yield family

    def _family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "instep_lane_hanging_seconds",
            "Seconds for which an open transaction has hidden records in instep.network, or where the lane reads or writes.",
            labels=["service", "lane"],
        )
