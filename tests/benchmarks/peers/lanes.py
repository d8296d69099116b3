"""Lanes with a small processor: `instep.events` reads strictly and blanks, or fastavro does as for the other peers."""

from collections.abc import Sequence
from pathlib import Path

from instep.cluster.connection import Connection
from instep.events.blanking import Blanking
from instep.events.catalogue import Catalogue
from instep.events.decoding import Decoder, Refusal
from instep.events.framing import PREFIX
from instep.lanes.processor import Output, Outputs, Record, State
from instep.lanes.settings import LaneSettings
from instep.lanes.worker import run
from instep.network.network import Network
from tests.benchmarks.peers.job import Job, Work, told


class Common:
    """Does the common job and remembers nothing."""

    def __init__(self, job: Job) -> None:
        self.service = job.run
        self._job = job
        self._work: Work = job.work()

    def inputs(self, network: Network) -> tuple[str, ...]:
        return (self._job.topic,)

    def follow(self, network: Network) -> None:
        if self._job.codec == "instep":
            self._work = with_instep(self._job, network)

    def process(self, records: Sequence[Record], state: State, now: int) -> Outputs:
        work = self._work
        outputs = []
        for record in records:
            topic, key, value = work(record.value or b"")
            outputs.append(Output(topic, 0, key, value))
        return Outputs(outputs)

    def tick(self, state: State, now: int) -> Outputs:
        return Outputs()


def with_instep(job: Job, network: Network) -> Work:
    """The common job with Instep's own reader and writer: unlike the others it refuses unsound bytes."""
    catalogue = Catalogue.load(Catalogue.default_directory())
    decode = Decoder(catalogue, catalogue.bind(network.schemas)).decode
    encode = Blanking(catalogue.events["resident-moved"].latest, job.fields).encode
    routes = job.routes

    def work(value: bytes) -> tuple[str, bytes, bytes]:
        sound = decode(value)
        if isinstance(sound, Refusal):
            raise TypeError(sound.reason)
        event = sound.event
        header = event["header"]
        key = f"{header['source']}/{header['subject_ref']}".encode()
        return routes[event["old_address"]["authority_gss"]], key, value[:PREFIX] + encode(event)

    return work


def main(job: Job) -> None:
    settings = LaneSettings(
        connection=Connection(bootstrap_servers=job.servers, security_protocol="PLAINTEXT"),
        state_directory=Path(job.directory),
        schemas_directory=Catalogue.default_directory(),
    )
    run(lambda registry: Common(job), settings)


if __name__ == "__main__":
    main(told())
