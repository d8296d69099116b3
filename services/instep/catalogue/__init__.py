"""The catalogue: the files in `schemas/`, read once, and the rules that keep them safe to publish.

`files` reads the directory. `lint` says everything that is wrong with it; `definitions`, `event_types`, `growth`,
`compatibility`, `lock` and `examples` are its rules. `difference` tells recipients what is new; `python_types` writes the
types of `instep.client.types`. Pure but for reading `schemas/`.
"""
