"""An event: its schemas, its bytes, its meaning, its blanked form and its plain JSON.

In:   `outbox.validate` takes a record of an outbox to a sound event or a refusal. Of its steps, `decoding.Decoder` reads a
      stranger's bytes strictly, and `rules.rule_of` refuses an event whose meaning is unsound. `plain.from_plain` takes
      plain JSON to the datum of a schema. `splice.form` and `part.part_reader` read some fields of an event that intake
      has accepted.
Out:  `writer.encode` and `blanking.Blanking` write canonical Avro, `bus.BusRecord` writes framed records of the bus, and
      `plain.to_plain` writes plain JSON.

Promises: no I/O and no clock; `catalogue.files` reads the schemas. A stranger's bytes become an event or a refusal, and
raise nothing. Errors and refusals name fields, never values. Written bytes are canonical, so equal events are equal
bytes.
"""
