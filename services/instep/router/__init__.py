"""Decides for each event that intake has accepted who may know which of its fields, and delivers exactly those fields.

Reads `instep.events`. Writes to:

- `<recipient>.inbox.<purpose>`: the event, with every field null that the recipient may not have;
- `instep.disclosures`: for each event one disclosure, which says who was sent the event, who was not, and why;
- `<source>.outcomes`: how often each event was delivered and withheld;
- `<source>.rejected`: the two refusals for which a memory is needed (`id-conflict`, `replaces-unknown`).

The router promises:

- An event is routed once, however often its source publishes the event. The router remembers each event for 400 days (the
  module `memory`).
- Every candidate (an authority that the event may be for) has an entry in the disclosure: delivered, withheld or withdrawn.
- A field goes out only if an agreement in force names the field (the module `decide`).
- A correction reaches everyone who was sent the event before its correction.

A canary is an event about nobody, with `synthetic` set, sent to measure a network. The router counts and drops
canaries: they are not delivered, not remembered and not disclosed. Their source gets an accepted outcome without
deliveries, and so can time the way there and back.
"""
