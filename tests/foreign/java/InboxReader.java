import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import uk.instep.ResidentMoved;
import uk.instep.Withdrawal;

/**
 * A council's service in Java: reads an inbox into the classes that Avro has generated from the schemas, and prints each
 * delivery as a line of JSON. Its settings are the same variables as those of {@code ../node/inbox.js}.
 *
 * <p>A record is read with the schema that it was written with, by its id, into the class that this service was compiled
 * with: a field that a later version has added is passed over until the service is compiled anew.
 */
public final class InboxReader {
    private static final Map<String, String> ENV = System.getenv();
    private static final Map<String, String> FOLDERS = Map.of("event", "events", "bus", "bus");
    private static final Map<String, Schema> COMPILED = Map.of(
            ResidentMoved.getClassSchema().getFullName(), ResidentMoved.getClassSchema(),
            Withdrawal.getClassSchema().getFullName(), Withdrawal.getClassSchema());
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Where the text of a schema is to be had by its id. */
    private interface Texts {
        String of(int id) throws IOException, InterruptedException;
    }

    private final Texts texts;
    private final Map<Integer, SpecificDatumReader<SpecificRecord>> readers = new HashMap<>();

    private InboxReader(Texts texts) {
        this.texts = texts;
    }

    public static void main(String[] arguments) throws Exception {
        String url = ENV.get("REGISTRY_URL");
        InboxReader reader = new InboxReader(url == null ? fromFiles() : fromRegistry(url));
        long left = Long.parseLong(ENV.getOrDefault("COUNT", String.valueOf(Long.MAX_VALUE)));
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(kafka())) {
            consumer.subscribe(List.of(ENV.get("TOPIC")));
            while (left > 0) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (left-- > 0) {
                        System.out.println(JSON.writeValueAsString(reader.line(record)));
                    }
                }
            }
        }
    }

    private static Properties kafka() throws IOException {
        String secret = Files.readString(Path.of(ENV.get("PASSWORD_FILE"))).strip();
        Properties settings = new Properties();
        settings.put("bootstrap.servers", ENV.get("BOOTSTRAP_SERVERS"));
        settings.put("security.protocol", "SASL_SSL");
        settings.put("ssl.truststore.type", "PEM");
        settings.put("ssl.truststore.location", ENV.get("CA_FILE"));
        settings.put("sasl.mechanism", "SCRAM-SHA-512");
        settings.put("sasl.jaas.config", String.format(
                "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";",
                ENV.get("USERNAME"), secret));
        settings.put("group.id", ENV.get("GROUP"));
        settings.put("auto.offset.reset", "earliest");
        // Java's default is to read what has been aborted as well.
        settings.put("isolation.level", "read_committed");
        settings.put("key.deserializer", ByteArrayDeserializer.class);
        settings.put("value.deserializer", ByteArrayDeserializer.class);
        return settings;
    }

    private static Texts fromFiles() throws IOException {
        Map<Integer, Path> files = new HashMap<>();
        for (String line : Files.readAllLines(Path.of(ENV.get("SCHEMA_IDS")))) {
            JsonNode schema = JSON.readTree(line);
            if (schema.get("id").isNull()) {
                continue;
            }
            Path folder = Path.of(ENV.get("SCHEMAS_DIR"), FOLDERS.get(schema.get("kind").asText()));
            Path file = folder.resolve(schema.get("name").asText()).resolve(schema.get("version").asText() + ".avsc");
            files.put(schema.get("id").asInt(), file);
            schema.get("older_ids").forEach(id -> files.put(id.asInt(), file));
        }
        return id -> {
            Path file = files.get(id);
            if (file == null) {
                throw new IOException("The network has no schema " + id + ": list its ids again.");
            }
            return Files.readString(file);
        };
    }

    private static Texts fromRegistry(String url) {
        HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
        return id -> {
            HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/schemas/ids/" + id))
                    .timeout(Duration.ofSeconds(10)).build();
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                throw new IOException("The registry has no schema " + id + " (status " + response.statusCode() + ").");
            }
            return JSON.readTree(response.body()).get("schema").asText();
        };
    }

    /** Schemas are immutable: each is asked for once. */
    private SpecificDatumReader<SpecificRecord> reader(int id) throws IOException, InterruptedException {
        SpecificDatumReader<SpecificRecord> found = readers.get(id);
        if (found == null) {
            Schema written = new Schema.Parser().parse(texts.of(id));
            Schema compiled = COMPILED.get(written.getFullName());
            if (compiled == null) {
                throw new IOException("This service knows no " + written.getFullName() + ".");
            }
            found = new SpecificDatumReader<>(written, compiled);
            readers.put(id, found);
        }
        return found;
    }

    /** Zero byte, the schema's id in four bytes (big-endian), Avro: to the end, and nothing after it. */
    private SpecificRecord content(byte[] value) throws IOException, InterruptedException {
        ByteBuffer framed = ByteBuffer.wrap(value);
        if (framed.get() != 0) {
            throw new IOException("This is not in Confluent framing.");
        }
        SpecificDatumReader<SpecificRecord> reader = reader(framed.getInt());
        BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
        SpecificRecord record = reader.read(null, decoder);
        if (!decoder.isEnd()) {
            throw new IOException("There is something after the event.");
        }
        return record;
    }

    private Map<String, Object> line(ConsumerRecord<byte[], byte[]> record) throws IOException, InterruptedException {
        Map<String, Object> headers = new LinkedHashMap<>();
        for (Header header : record.headers()) {
            headers.put(header.key(), text(header.value()));
        }
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("topic", record.topic());
        line.put("offset", record.offset());
        line.put("key", text(record.key()));
        line.put("headers", headers);
        line.put("content", plain(content(record.value())));
        return line;
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** As people write it: what is null or empty is left out. */
    private static Object plain(Object value) {
        if (value instanceof SpecificRecord record) {
            Map<String, Object> said = new LinkedHashMap<>();
            for (Schema.Field field : record.getSchema().getFields()) {
                Object one = record.get(field.pos());
                if (one != null && !(one instanceof List<?> items && items.isEmpty())) {
                    said.put(field.name(), plain(one));
                }
            }
            return said;
        }
        if (value instanceof List<?> items) {
            return items.stream().map(InboxReader::plain).toList();
        }
        boolean json = value instanceof Number || value instanceof Boolean;
        return json ? value : value.toString();
    }
}
