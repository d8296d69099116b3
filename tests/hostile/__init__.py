"""Records as a stranger might write them, in bytes: the cases, the parts they are built of, and compressed batches."""
