"""The network: who takes part, under which agreements, in which topics.

Pure: `load` and `check` read a network's directory, `from_records` reads the records of `instep.network`, and all give
immutable values. No module here uses a broker, the environment or a clock: a caller with a question about a day passes
the day.
"""
