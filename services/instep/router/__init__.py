"""Decides for each sound event who may know which of its fields, and delivers exactly those fields.

Reads `instep.events`. Writes to:

- `<recipient>.inbox.<purpose>`: the event, blanked to the fields that the recipient may have;
- `instep.disclosures`: a disclosure for each event;
- `<source>.outcomes`: how often each event was delivered and withheld;
- `<source>.rejected`: the two refusals for which a memory is needed (`id-conflict`, `replaces-unknown`).

Each event is remembered for 400 days (`memory`).

The router promises:

- An event is routed once, however often its source publishes the event.
- Every candidate has an entry in the disclosure: delivered, withheld or withdrawn.
- A field goes out only if an agreement in force names the field (`decide`).
- A correction reaches everyone who was sent the event before its correction.

A canary (`synthetic`) is measured and dropped here: not delivered, not remembered, not disclosed. Its source gets an
accepted outcome without deliveries, and so can time the way there and back.
"""
