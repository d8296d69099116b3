// A council's service in JavaScript: reads an inbox and prints each delivery as a line of JSON. Settings are variables:
//
//   TOPIC               camden.inbox.council-tax
//   BOOTSTRAP_SERVERS   host:port[,host:port…]
//   USERNAME, PASSWORD_FILE, CA_FILE, GROUP    who we are; the group's name begins with the authority's and a dot
//   REGISTRY_URL        where schemas are got by their ids, or, without a registry:
//   SCHEMAS_DIR, SCHEMA_IDS    the files of `schemas/`, and what `instep schemas list --ids -o json` has printed
//   COUNT               how many records to read, then end; without it, for ever
//
// Delivery is at least once here, as anywhere that a service keeps its own books: apply an event if its `sequence` is
// higher than that of the last one of its source and subject (the record's key).

import { readFileSync } from "node:fs";
import { join } from "node:path";
import avro from "avsc";
import { Kafka, logLevel } from "kafkajs";

const { env } = process;
const FOLDERS = { event: "events", bus: "bus" };

class Day extends avro.types.LogicalType {
  _fromValue = (days) => new Date(days * 86_400_000).toISOString().slice(0, 10);
  _toValue = (day) => Date.parse(day) / 86_400_000;
}

class Moment extends avro.types.LogicalType {
  _fromValue = (milliseconds) => new Date(milliseconds).toISOString();
  _toValue = (moment) => Date.parse(moment);
}

/** The Avro type of a schema's text. An optional value is itself or null, without a tag. */
function compiled(text) {
  const logicalTypes = { date: Day, "timestamp-millis": Moment };
  return avro.Type.forSchema(JSON.parse(text), { logicalTypes, wrapUnions: false });
}

function fromFiles() {
  const files = new Map();
  for (const line of readFileSync(env.SCHEMA_IDS, "utf8").split("\n").filter(Boolean)) {
    const { id, older_ids, kind, name, version } = JSON.parse(line);
    const ids = id === null ? [] : [id, ...older_ids];
    for (const one of ids) files.set(one, join(env.SCHEMAS_DIR, FOLDERS[kind], name, `${version}.avsc`));
  }
  return async (id) => {
    if (!files.has(id)) throw new Error(`The network has no schema ${id}: list its ids again.`);
    return readFileSync(files.get(id), "utf8");
  };
}

async function fromRegistry(id) {
  const response = await fetch(`${env.REGISTRY_URL}/schemas/ids/${id}`, { redirect: "error" });
  if (!response.ok) throw new Error(`The registry has no schema ${id} (status ${response.status}).`);
  return (await response.json()).schema;
}

/** Schemas are immutable: each is asked for once. */
function remembered(textOf) {
  const types = new Map();
  return async (id) => {
    if (!types.has(id)) types.set(id, compiled(await textOf(id)));
    return types.get(id);
  };
}

/** Zero byte, the schema's id in four bytes (big-endian), Avro: to the end, and nothing after it. */
async function content(value, typeOf) {
  if (value[0] !== 0) throw new Error("This is not in Confluent framing.");
  const type = await typeOf(value.readUInt32BE(1));
  return type.fromBuffer(value.subarray(5));
}

/** As people write it: what is null or empty is left out. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const said = Object.entries(value).filter(([, one]) => one !== null && !(Array.isArray(one) && !one.length));
  return Object.fromEntries(said.map(([name, one]) => [name, plain(one)]));
}

const kafka = new Kafka({
  clientId: "inbox.js",
  brokers: env.BOOTSTRAP_SERVERS.split(","),
  ssl: { ca: [readFileSync(env.CA_FILE, "utf8")] },
  sasl: {
    mechanism: "scram-sha-512",
    username: env.USERNAME,
    password: readFileSync(env.PASSWORD_FILE, "utf8").trim(),
  },
  logLevel: logLevel.ERROR,
});
// What has been aborted is never seen: kafkajs reads committed records only, unless it is told otherwise.
const consumer = kafka.consumer({ groupId: env.GROUP });
const typeOf = remembered(env.REGISTRY_URL ? fromRegistry : fromFiles());
let left = Number(env.COUNT ?? Infinity);

await consumer.connect();
await consumer.subscribe({ topics: [env.TOPIC], fromBeginning: true });
consumer.on(consumer.events.CRASH, ({ payload }) => {
  console.error(payload.error.message);
  process.exit(1);
});
await consumer.run({
  eachMessage: async ({ topic, message }) => {
    if (left <= 0) return;
    const headers = Object.fromEntries(Object.entries(message.headers).map(([name, one]) => [name, `${one}`]));
    const said = plain(await content(message.value, typeOf));
    console.log(JSON.stringify({ topic, offset: Number(message.offset), key: `${message.key}`, headers, content: said }));
    left -= 1;
    if (left === 0) setImmediate(() => consumer.disconnect().then(() => process.exit(0)));
  },
});
