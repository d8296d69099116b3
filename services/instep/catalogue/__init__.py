"""Reads the catalogue of schemas, the files in `schemas/`, and holds the rules that keep the schemas safe to publish.

`files` reads the directory. `lint` lists all problems of a directory; `definitions`, `event_types`, `growth`,
`compatibility`, `lock` and `examples` hold its rules. `difference` says what a recipient would notice in a new version.
`python_types` writes the types of `instep.client.types`. The room reads `schemas/`, and does no other I/O.
"""
