"""Runs a service's processor (its own rules) over Kafka's records, so that each record takes effect exactly once.

A *lane* is one share of the partitions, with state of its own and one owner at a time. The owner decides the records of its
lanes and commits the results.

In: records of Kafka topics, in order, `read_committed`, each partition from its last committed position on.
Out: the processor's outputs, the changes of its state and the new positions, in a single transaction: all or nothing.
Promise: nothing is lost, repeated or put out of order, whatever dies. An unexpected error ends the process.

Begin with the modules `processor` (the interface for a service) and `lane` (the loop that runs a lane).
`services/README.md` follows an event through all modules.
"""
