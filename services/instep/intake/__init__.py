"""Judges each record of an outbox: is the record sound, and does it come from the authority named as its source?

Reads `<authority>.outbox`. Writes sound events, in canonical bytes, to `instep.events`, and a Rejection for every other
record to `<authority>.rejected`. Intake remembers nothing: each record is decided from itself alone.

Intake promises:

- Every record of an outbox ends in exactly one of the two topics, in the order of the outbox.
- The lane goes on, whatever bytes a stranger writes.

Canaries (`synthetic`) are judged like any event; the router drops them.
"""
