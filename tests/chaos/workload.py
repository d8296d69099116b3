"""What is published: a stream of events of many councils and kinds, one record in a hundred of it hostile, from a seed."""

import random
from collections.abc import Mapping
from typing import Any, NamedTuple

from instep.events.framing import frame
from instep.events.reader import decode
from instep.events.schema import Catalogue, Schema
from instep.events.writer import encode
from instep.network.network import Network
from tests.kafka.journey import DAY, MILLIS

COUNCILS = (
    "barnsley",
    "bolsover",
    "camden",
    "chesterfield",
    "croydon",
    "lambeth",
    "leeds",
    "north-yorkshire",
)
ELSEWHERE = "E09000001"
"""The City of London: a council that is in no sample."""
NOWHERE = "E09999999"
"""A code that nobody has."""
HOSTILE_SHARE = 0.01
SUBJECTS = 200
"""Of each council."""

Datum = dict[str, Any]


class Published(NamedTuple):
    """One record for the outbox of `source`; `refusal` is the reason for which it is to be refused, None if it is sound."""

    source: str
    key: bytes
    value: bytes
    event_id: str
    refusal: str | None


class Workload:
    """Makes records one after another; `councils` may grow while it does."""

    def __init__(self, seed: int, catalogue: Catalogue, network: Network) -> None:
        self.councils = list(COUNCILS)
        self.gss = {one.id: one.gss for one in network.authorities.values()}
        self._seed = seed & 0xFFFFFFFF
        self._random = random.Random(seed)
        self._schemas = {
            name: catalogue.events[name].latest for name in ("resident-moved", "business-registered")
        }
        self._header = catalogue.schema("uk.instep.EventHeader", "1.0.0")
        self._ids = {name: number for number, (name, _) in network.schemas.items()}
        self._bodies: dict[tuple[str, ...], bytes] = {}
        self._last: dict[tuple[str, str, str], str] = {}
        self._serial = 0

    def next(self) -> Published:
        """The next record."""
        choose = self._random
        self._serial += 1
        source = choose.choice(self.councils)
        kind = choose.choices(("move", "placement", "business"), (84, 6, 10))[0]
        subject = f"{source}-{choose.randrange(SUBJECTS)}"
        header = self._head(source, subject, kind)
        body = self._body(kind, source, self._place(), self._place(source))
        if choose.random() < HOSTILE_SHARE:
            return self._hostile(header, body, kind)
        self._last[source, subject, kind] = header["event_id"]
        return self._record(header, body, kind)

    def _head(self, source: str, subject: str, kind: str) -> Datum:
        choose = self._random
        change = choose.choices(("NEW", "CORRECT", "ANNUL", "REFRESH"), (86, 8, 4, 2))[0]
        replaces = self._last.get((source, subject, kind))
        if replaces is None and change in ("CORRECT", "ANNUL"):
            change = "NEW"
        return {
            "event_id": f"{self._seed:08x}-0000-4000-8000-{self._serial:012x}",
            "source": source,
            "source_system": "chaos",
            "subject_ref": subject,
            "sequence": self._serial,
            "change_kind": change,
            "replaces": replaces if change in ("CORRECT", "ANNUL") else None,
            "occurred_on": DAY,
            "recorded_at": MILLIS,
            "published_at": MILLIS,
            "handling": "PROTECTED" if choose.random() < 0.05 else "ORDINARY",
            "requested_by": choose.choice(self.councils) if change == "REFRESH" else None,
            "synthetic": False,
        }

    def _place(self, usual: str = "") -> str:
        """A code: mostly that of a council of the network, of the `usual` one where given."""
        luck = self._random.random()
        if luck < 0.02:
            return NOWHERE
        if luck < 0.05:
            return ELSEWHERE
        return self.gss[usual or self._random.choice(self.councils)]

    def _body(self, kind: str, source: str, old: str, new: str) -> bytes:
        """The bytes beneath the header: there are few different ones, so each is encoded once."""
        known = self._bodies.get((kind, source, old, new))
        if known is None:
            schema = self._schema(kind)
            head = encode(self._header, self._head(source, "s", kind))
            whole = encode(schema, {"header": decode(self._header, head), **_fields(kind, old, new)})
            assert whole.startswith(head)
            known = self._bodies[kind, source, old, new] = whole[len(head) :]
        return known

    def _schema(self, kind: str) -> Schema:
        return self._schemas["business-registered" if kind == "business" else "resident-moved"]

    def _record(self, header: Datum, body: bytes, kind: str, refusal: str | None = None) -> Published:
        value = frame(self._ids[self._schema(kind).full_name], encode(self._header, header) + body)
        return Published(header["source"], header["subject_ref"].encode(), value, header["event_id"], refusal)

    def _hostile(self, header: Datum, body: bytes, kind: str) -> Published:
        """What a broken or malicious client might write."""
        source = header["source"]
        match self._random.randrange(8):
            case 0:
                sound = self._record(header, body, kind, "bad-framing")
                return sound._replace(value=b"\x07" + sound.value[1:])
            case 1:
                sound = self._record(header, body, kind, "unknown-schema")
                return sound._replace(value=frame(999_999, sound.value[5:]))
            case 2:
                sound = self._record(header, body, kind, "trailing-bytes")
                return sound._replace(value=sound.value + b"\x00")
            case 3:
                sound = self._record(header, body, kind, "undecodable")
                return sound._replace(value=sound.value[:-2])
            case 4:
                another = next(council for council in self.councils if council != source)
                return self._record(header | {"source": another}, body, kind, "wrong-source")._replace(
                    source=source
                )
            case 5:
                return self._record(header, body, kind, "key-mismatch")._replace(key=b"another")
            case 6:
                return self._record(header | {"occurred_on": DAY + 40_000}, body, kind, "bad-date")
            case _:
                unknown = header | {"change_kind": "UNKNOWN", "replaces": None}
                return self._record(unknown, body, kind, "unknown-value")


def _fields(kind: str, old: str, new: str) -> Mapping[str, Any]:
    if kind == "business":
        return {
            "registration_ref": "REF-1",
            "operator": {"type": "COMPANY", "company_name": "Example Ltd", "contact": None},
            "establishment": {"trading_names": ["Example Foods"], "address": _address(new)},
            "status": "OPEN",
            "opened_on": DAY,
            "company_number": "01234567",
        }
    move = {
        "person": {"family_name": "Example", "given_names": "Alex", "born_on": 7000},
        "old_address": _address(old),
        "new_address": _address(new),
        "moved_on": DAY,
        "residence": "MAIN",
        "reason": "MOVE",
        "status": "CONFIRMED",
        "contact": {"email": "someone@example.org"},
    }
    if kind == "placement":
        notice = {"applicant": {"family_name": "Example"}, "address": _address(new), "made_available_on": DAY}
        return move | {"reason": "PLACEMENT", "placement": notice}
    return move


def _address(gss: str) -> Mapping[str, Any]:
    return {"lines": ["1 Example Street"], "authority_gss": gss, "uprn": "999000000001"}
