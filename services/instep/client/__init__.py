"""For councils: publish to an outbox; read an inbox, rejections and outcomes.

Reads a file or plain events, and `instep.network`; writes a single authority's outbox, and nothing else. Promises:

- The publisher sends an event only when intake's own rules find the event sound.
- An event that is reported as published is in the outbox: the broker has confirmed the event.
- A reader sees committed records only.

The modules:

    publisher   plain event -> validated -> framed -> outbox
    filing      a whole file -> outbox, with a memory, so that publishing the file again does no harm
    file_settings   what the network and the postcodes know, for reading a file: council_names, own_area
    following   the network's answer to each event: accepted, refused, delivered
    reader      any of a council's topics -> plain JSON
    redrive     refused events -> sent again, once they have become sound
    explain     reasons in plain English
    types       events and records as typed dictionaries, for a council's own programs
"""
