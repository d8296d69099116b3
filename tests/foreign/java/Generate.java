import java.io.File;
import org.apache.avro.Schema;
import org.apache.avro.compiler.specific.SpecificCompiler;
import org.apache.avro.generic.GenericData.StringType;

/** Generates the Java classes of schemas: TARGET SCHEMA…; what avro-maven-plugin does in a build. */
public final class Generate {
    public static void main(String[] arguments) throws Exception {
        File target = new File(arguments[0]);
        for (int one = 1; one < arguments.length; one++) {
            SpecificCompiler compiler = new SpecificCompiler(new Schema.Parser().parse(new File(arguments[one])));
            compiler.setStringType(StringType.String);
            compiler.compileToDestination(null, target);
        }
    }
}
