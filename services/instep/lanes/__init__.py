"""The engine: reads a service's records, hands them to the service's processor, and commits the outcome exactly once.

In: records of Kafka topics, in order, `read_committed`, each partition's from the position that was last committed.
Out: the processor's outputs, the changes of its state and the new positions, in a single transaction: all or nothing.
Promise: nothing lost, nothing repeated, nothing out of order, whatever dies. The unexpected ends the process.
"""
