"""The engine: reads what a service is to decide, hands it to the service's processor, and commits what came of it.

In: records of Kafka topics, in order, `read_committed`, each partition's from the position that was last committed.
Out: the processor's outputs, the changes of its state and the new positions, in one transaction: all of them or none.
Promise: nothing lost, nothing repeated, nothing out of order, whatever dies. The unexpected ends the process.
"""
