"""Lanes with a small processor: `instep.events` cuts out what is shared, or fastavro does as for the other peers."""

from collections.abc import Sequence
from pathlib import Path

from instep.catalogue.files import default_directory, load_catalogue
from instep.events.blanking import Blanking
from instep.events.decoding import Decoder, Refusal
from instep.events.framing import PREFIX, frame
from instep.events.part import part_reader
from instep.events.splice import form
from instep.kafka.connection import Connection
from instep.lanes.process import run
from instep.lanes.processor import Output, Outputs, Processor, Record, State
from instep.lanes.settings import LaneSettings
from instep.network.network import Network
from instep.network.services import Partition, Reach, Service
from tests.benchmarks.peers.job import Job, Work, told

_ROUTING = frozenset({"header.source", "header.subject_ref", "old_address.authority_gss"})


class CommonService(Service):
    """The common job as a service: each of its output topics has one partition, however many lanes there are."""

    def outputs(self, network: Network, lane: int) -> tuple[Partition, ...]:
        return tuple((topic, 0) for topic in self.writes)


class Common:
    """Does the common job and remembers nothing."""

    def __init__(self, job: Job) -> None:
        writes = dict.fromkeys(job.outputs, Reach.EVERY_LANE)
        self.service = CommonService(name=job.run, port=0, reads=(job.topic,), writes=writes)
        self._job = job
        self._work: Work = job.work()

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
    """The common job as the router does it: what is shared is cut out of the event's bytes, which are read strictly.

    Unlike the others it refuses unsound bytes; unusual events are decoded whole.
    """
    catalogue = load_catalogue(default_directory())
    schema = catalogue.events["resident-moved"].latest
    blanking = Blanking(schema, job.fields)
    find, read_part, splice = form(schema).find, part_reader(schema, _ROUTING), blanking.splice
    decode, encode = Decoder(catalogue, catalogue.bind(network.schemas)).decode, blanking.encode
    expected = next(
        frame(number, b"") for number, named in network.schemas.items() if named[0] == schema.full_name
    )
    routes = job.routes

    def work(value: bytes) -> tuple[str, bytes, bytes]:
        found = find(value, PREFIX) if value.startswith(expected) else None
        if found is not None:
            event, blanked = read_part(found), splice(found)
        else:
            sound = decode(value)
            if isinstance(sound, Refusal):
                raise TypeError(sound.reason)
            event, blanked = sound.event, value[:PREFIX] + encode(sound.event)
        header = event["header"]
        key = f"{header['source']}/{header['subject_ref']}".encode()
        return routes[event["old_address"]["authority_gss"]], key, blanked

    return work


def serve(job: Job, processor: Processor) -> None:
    """Run a processor as production runs one."""
    settings = LaneSettings(
        connection=Connection(bootstrap_servers=job.servers, security_protocol="PLAINTEXT"),
        state_directory=Path(job.directory),
        schemas_directory=default_directory(),
    )
    run(lambda registry: processor, settings)


if __name__ == "__main__":
    job = told()
    serve(job, Common(job))
