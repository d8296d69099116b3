"""Takes events from bytes to meaning and back. No I/O and no clock: `catalogue/files.py` reads the schemas from files.

In:

- `outbox.validate` takes a record of an outbox to a sound event or to a refusal. Of its steps, `decoding.Decoder` reads a
  stranger's bytes strictly, and `rules.rule_of` refuses an event whose meaning is unsound.
- `plain.from_plain` takes plain JSON to an event of a schema.
- `splice.form` and `part.part_reader` read a few fields of an event that intake has accepted.

Out:

- `writer.encode` writes an event in canonical Avro. `blanking.Blanking` writes only the fields that a recipient may have.
- `bus.BusRecord` writes the records about events.
- `plain.to_plain` writes plain JSON.

Promises: a stranger's bytes become an event or a refusal, and raise nothing. Errors and refusals name fields, never values.
Written bytes are canonical, so equal events are equal bytes.
"""
