"""Writes Avro's bytes by hand, for events that no writer would make. Shares no code with the tested modules.

An event is its parts: a mapping from field path to bytes, in the order of the schema. To spoil an event, put other bytes in
the place of a field. Source: Avro 1.12 specification, "Binary encoding".
"""

from collections.abc import Mapping

Parts = dict[str, bytes]
NULL = b"\x00"
DAY_MS = 86_400_000


def varint(number: int, *, places: int = 1) -> bytes:
    """Seven bits a byte, least first, in `places` bytes at least. A number in more bytes than it needs is overlong."""
    made = bytearray()
    while number > 127 or len(made) < places - 1:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes((*made, number))


def long(value: int, *, places: int = 1) -> bytes:
    """Zigzag, and then a varint."""
    return varint(value << 1 if value >= 0 else ~(value << 1), places=places)


def text(value: str | bytes) -> bytes:
    written = value if isinstance(value, bytes) else value.encode()
    return long(len(written)) + written


def some(value: bytes) -> bytes:
    """A nullable's branch with a value."""
    return b"\x02" + value


def array(*items: bytes) -> bytes:
    """In a single plain block, as Java, fastavro and avsc write arrays."""
    return long(len(items)) + b"".join(items) + b"\x00" if items else b"\x00"


def sized(*items: bytes, off: int = 0) -> bytes:
    """In a single block that says its size, as Go's hamba/avro writes arrays; `off` is the error of the stated size."""
    return long(-len(items)) + long(sum(map(len, items)) + off) + b"".join(items) + b"\x00"


def split(*items: bytes) -> bytes:
    """A block for each item, every second one sized."""
    blocks = [
        long(-1) + long(len(item)) + item if place % 2 else long(1) + item for place, item in enumerate(items)
    ]
    return b"".join((*blocks, b"\x00"))


def header(number: int, source: str, now: int) -> Parts:
    """A NEW and ORDINARY event of a subject and id of its own; `now` is milliseconds UTC."""
    return {
        "header.event_id": text(f"{number:08d}-0000-4000-8000-000000000000"),
        "header.source": text(source),
        "header.source_system": text("by hand"),
        "header.subject_ref": text(f"case-{number}"),
        "header.sequence": long(1),
        "header.change_kind": long(1),
        "header.replaces": NULL,
        "header.occurred_on": long(now // DAY_MS - 30),
        "header.recorded_at": long(now - 2000),
        "header.published_at": long(now - 1000),
        "header.handling": long(1),
        "header.requested_by": NULL,
        "header.synthetic": b"\x00",
    }


def address(at: str, gss: str) -> Parts:
    return {
        at: b"\x02",
        f"{at}.uprn": some(text("10000000001")),
        f"{at}.usrn": some(text("20400001")),
        f"{at}.lines": array(text("Flat 3"), text("27 Marlpit Street")),
        f"{at}.locality": NULL,
        f"{at}.town": some(text("London")),
        f"{at}.postcode": some(text("SE1 7EH")),
        f"{at}.country": some(text("GB")),
        f"{at}.authority_gss": some(text(gss)),
        f"{at}.valid_from": NULL,
        f"{at}.valid_to": NULL,
    }


def person(at: str) -> Parts:
    return {
        at: b"\x02",
        f"{at}.title": NULL,
        f"{at}.given_names": some(text("Imogen Zoe")),
        f"{at}.family_name": some(text("Pellowby")),
        f"{at}.former_names": array(),
        f"{at}.born_on": some(long(4000)),
        f"{at}.local_references": array(),
    }


def moved(number: int, source: str, now: int, *, old: str, new: str) -> Parts:
    """Somebody moves between the areas of two GSS codes."""
    return {
        **header(number, source, now),
        **person("person"),
        **address("old_address", old),
        **address("new_address", new),
        "moved_on": some(long(now // DAY_MS - 30)),
        "residence": some(long(1)),
        "reason": some(long(1)),
        "status": some(long(2)),
        "group_ref": NULL,
        "contact": NULL,
        "placement": b"\x02",
        "placement.applicant": NULL,
        "placement.others_number": some(long(2)),
        "placement.others_description": NULL,
        "placement.address": NULL,
        "placement.made_available_on": NULL,
        "placement.function_discharged": NULL,
    }


def registered(number: int, source: str, now: int, *, gss: str) -> Parts:
    """A shop is registered in the area of a GSS code."""
    return {
        **header(number, source, now),
        "registration_ref": some(text(f"REF-{number}")),
        "operator": NULL,
        "establishment": b"\x02",
        "establishment.trading_names": array(text("Example Foods")),
        "establishment.type": some(long(1)),
        **address("establishment.address", gss),
        "establishment.contact": NULL,
        "establishment.website": NULL,
        "activities": NULL,
        "opened_on": some(long(now // DAY_MS - 30)),
        "closed_on": NULL,
        "status": some(long(1)),
        "sic_codes": array(text("56101")),
        "company_number": some(text("SC001234")),
        "charity_number": NULL,
    }


def body(parts: Mapping[str, bytes]) -> bytes:
    return b"".join(parts.values())


def framed(schema_id: int, body: bytes) -> bytes:
    """Confluent framing."""
    return b"\x00" + schema_id.to_bytes(4, "big") + body
