"""Intake asks of each record in an outbox: is it sound, and from the authority that it says?

Reads `<authority>.outbox`. Writes what is sound, in canonical bytes, to `instep.events`, and one Rejection for anything
else to `<authority>.rejected`. It remembers nothing: each record is decided from itself alone.

It promises that every record of an outbox ends in exactly one of the two, in the order of the outbox, and that whatever
bytes a stranger writes, the lane goes on. Canaries (`synthetic`) are judged like any event; the router drops them.
"""
