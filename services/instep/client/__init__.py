"""For councils: publish to an outbox; read an inbox, rejections and outcomes.

Reads a file or plain events and `instep.network`; writes one authority's outbox, and nothing else. Promises that an event
is sent only when intake's own rules find it sound, that what is reported as published is in the outbox (the broker has
confirmed it), and that a reader sees committed records only.

    publisher   plain event -> checked -> framed -> outbox
    filing      a whole file -> outbox, with the memory that makes running it again harmless
    following   what became of each event: accepted, refused, delivered
    reader      any of a council's topics -> plain JSON
    explain     reasons in plain English
"""
