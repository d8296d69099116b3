"""The router asks of each sound event: who may know what of it?

Reads `instep.events`. Writes what each recipient may have to `<recipient>.inbox.<purpose>`, blanked; one disclosure an
event to `instep.disclosures`; what became of it to `<source>.outcomes`; and the two refusals that need a memory
(`id-conflict`, `replaces-unknown`) to `<source>.rejected`. It remembers each event for 400 days (`memory`).

It promises that an event is routed once however often it is published; that every candidate has an entry in the
disclosure, delivered, withheld or withdrawn; that nothing goes out which no agreement in force names (`decide`); and that a
correction reaches everyone who was told what it corrects.

A canary (`synthetic`) is measured and dropped here: it is delivered to nobody, not remembered and not disclosed, and its
source gets an accepted outcome with nothing delivered, so that it can time the way there and back.
"""
