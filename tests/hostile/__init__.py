"""Records as a stranger might make them, in bytes: the cases, the parts that they are built of, and compressed batches."""
