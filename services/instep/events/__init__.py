"""What an event is: its schemas, its bytes and its plain form.

In:   `catalogue.Catalogue.load` reads the schemas and what each event type asks of its publishers;
      `decoding.Decoder` takes a stranger's bytes to a sound event or a refusal; `plain.from_plain` takes plain
      JSON to the datum of a schema.
Out:  `Schema.encode` and `blanking.Blanking` write canonical Avro; `plain.to_plain` writes plain JSON;
      `rules.rule_of` says what is wrong with an event's meaning, `lint.lint` what is wrong with the schemas.

Promises: pure (no broker, no clock; nothing is read but `schemas/`); a stranger's bytes raise nothing; errors and
refusals name fields, never values; what is written is canonical, so equal events are equal bytes.
"""
