"""Hostile bytes without end: `make fuzz SECONDS=…`.

`target` runs a single input, and needs no fuzzer. `seeds` makes the corpus at the start of a run, kept in `corpus/`.
`run` puts atheris around both. `python -m tests.fuzz` starts `run` in a process of its own, and reports.
"""
