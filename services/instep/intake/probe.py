"""Decodes values from standard input and applies intake's rules to them, in a child process that may die of a value.

`lanes/probe.py` starts the process where a value may have killed the decoder of a worker. The command is
`python -m instep.intake.probe IDS`, where IDS is JSON: `{"1": ["uk.instep.ResidentMoved", "1.0.0"]}`.
"""

from __future__ import annotations

import json
import os
import sys

from instep.catalogue.files import load_catalogue, schemas_directory
from instep.events.decoding import Decoder, Sound
from instep.events.rules import rule_of
from instep.lanes.probe import serve, standard_streams


def main(ids: str) -> None:
    """Serve until the input ends; `ids` are the network's schema ids as JSON."""
    catalogue = load_catalogue(schemas_directory(os.environ))
    named = {int(number): (full_name, version) for number, (full_name, version) in json.loads(ids).items()}
    decoder = Decoder(catalogue, catalogue.bind(named))

    def decode(value: bytes) -> None:
        sound = decoder.decode(value)
        if isinstance(sound, Sound):
            rule_of(sound.event_type)(sound.event, 0)

    serve(decode, *standard_streams())


if __name__ == "__main__":
    main(sys.argv[1])
