"""Checks each record of an outbox: is it a sound event, and does it come from the authority that it names as its source?

Reads `<authority>.outbox`. Writes sound events, in canonical bytes, to `instep.events`, and for every other record a
Rejection with the reason to `<authority>.rejected`. Intake remembers nothing: each record is decided from itself alone.

Intake promises:

- Every record of an outbox ends in exactly one of the two topics, in the order of the outbox.
- Intake goes on with the next record, whatever bytes a stranger writes.

Canaries (events with `synthetic` set, sent to measure a network) are checked like any event. The router drops them.
"""
