import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** The common job on Kafka Streams: one thread, Apache Avro's generic records, decoder and encoder reused. */
public final class CommonJob {
    private static final int PREFIX = 5;

    private final JsonNode job;
    private final Schema schema;
    private final Map<String, String> routes = new HashMap<>();
    private final List<String> whole = new ArrayList<>();
    private final List<String> ofPerson = new ArrayList<>();

    private CommonJob(JsonNode job) {
        this.job = job;
        this.schema = new Schema.Parser().parse(job.get("schema").toString());
        job.get("routes").properties().forEach(each -> routes.put(each.getKey(), each.getValue().asText()));
        for (JsonNode field : job.get("fields")) {
            String name = field.asText();
            if (name.startsWith("person.")) {
                ofPerson.add(name.substring("person.".length()));
            } else {
                whole.add(name);
            }
        }
    }

    private final class Move implements Processor<byte[], byte[], byte[], byte[]> {
        private final GenericDatumReader<GenericRecord> reader = new GenericDatumReader<>(schema);
        private final GenericDatumWriter<GenericRecord> writer = new GenericDatumWriter<>(schema);
        private final Schema personSchema = schema.getField("person").schema().getTypes().get(1);
        private final ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
        private ProcessorContext<byte[], byte[]> context;
        private BinaryDecoder decoder;
        private BinaryEncoder encoder;
        private GenericRecord reused;

        @Override
        public void init(ProcessorContext<byte[], byte[]> given) {
            context = given;
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            try {
                byte[] value = record.value();
                decoder = DecoderFactory.get().binaryDecoder(value, PREFIX, value.length - PREFIX, decoder);
                reused = reader.read(reused, decoder);
                GenericRecord header = (GenericRecord) reused.get("header");
                GenericRecord blanked = empty(schema);
                blanked.put("header", header);
                whole.forEach(name -> blanked.put(name, reused.get(name)));
                GenericRecord person = empty(personSchema);
                GenericRecord known = (GenericRecord) reused.get("person");
                ofPerson.forEach(name -> person.put(name, known.get(name)));
                blanked.put("person", person);
                out.reset();
                out.write(value, 0, PREFIX);
                encoder = EncoderFactory.get().binaryEncoder(out, encoder);
                writer.write(blanked, encoder);
                encoder.flush();
                GenericRecord old = (GenericRecord) reused.get("old_address");
                String key = header.get("source") + "/" + header.get("subject_ref");
                context.forward(
                        record.withKey(key.getBytes(StandardCharsets.UTF_8)).withValue(out.toByteArray()),
                        routes.get(old.get("authority_gss").toString()));
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    private static final class PassOn implements Processor<byte[], byte[], byte[], byte[]> {
        private final List<String> topics;
        private ProcessorContext<byte[], byte[]> context;

        private PassOn(TreeSet<String> topics) {
            this.topics = List.copyOf(topics);
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> given) {
            context = given;
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            context.forward(record, topics.get((record.value()[41] & 1) == 1 ? 0 : 1));
        }
    }

    private static GenericRecord empty(Schema of) {
        GenericRecord made = new GenericData.Record(of);
        for (Schema.Field field : of.getFields()) {
            if (field.schema().getType() == Schema.Type.ARRAY) {
                made.put(field.pos(), Collections.emptyList());
            } else if (field.schema().getType() == Schema.Type.ENUM && field.hasDefaultValue()) {
                made.put(field.pos(), GenericData.get().getDefaultValue(field));
            }
        }
        return made;
    }

    private Topology topology() {
        Topology topology = new Topology();
        boolean codec = !job.get("codec").asText().isEmpty();
        TreeSet<String> topics = new TreeSet<>(routes.values());
        topology.addSource("in", new ByteArrayDeserializer(), new ByteArrayDeserializer(), job.get("topic").asText());
        topology.addProcessor("move", () -> codec ? new Move() : new PassOn(topics), "in");
        for (String topic : topics) {
            topology.addSink(topic, topic, new ByteArraySerializer(), new ByteArraySerializer(), "move");
        }
        return topology;
    }

    private Properties settings() {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, job.get("run").asText());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.get("servers").asText());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, job.get("directory").asText());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 4000);
        settings.put(StreamsConfig.producerPrefix("batch.size"), 512 * 1024);
        settings.put(StreamsConfig.producerPrefix("linger.ms"), job.get("linger_ms").asInt());
        return settings;
    }

    public static void main(String[] args) throws IOException {
        CommonJob common = new CommonJob(new ObjectMapper().readTree(new File(args[0])));
        KafkaStreams streams = new KafkaStreams(common.topology(), common.settings());
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
