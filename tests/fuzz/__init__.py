"""Hostile bytes without end: `make fuzz SECONDS=…`.

`target` is what is run for each input, with no need of a fuzzer; `seeds` makes the corpus that a run starts from, kept in
`corpus/`; `run` is atheris around both; `python -m tests.fuzz` starts that in a process of its own, and reports.
"""
