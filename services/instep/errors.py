"""The whole tree of Instep's errors.

    InstepError
    ├── Ours            a bug or a broken configuration: stop
    │   ├── ConfigurationError    a setting, named, that cannot be used
    │   ├── SchemaError           the catalogue is unsound
    │   ├── NetworkError          the network directory or topic is unsound
    │   ├── DatumError            we would write an event that does not fit its schema
    │   └── HubRecordError        a record between our own processors that none of them could have written
    ├── Theirs          bad input from outside: refuse it, go on
    │   ├── PlainEventError       a plain JSON event that does not fit its schema
    │   ├── RowError              a row or line of a file that cannot be put right
    │   ├── FileFormatError       a file that is missing, empty, cut off or of another format
    │   ├── UnsoundBytesError     bytes that are no canonical value of their schema
    │   └── UnpackingError        a compressed batch of records that cannot be unpacked, or not within its bound
    └── TheWorlds       the broker, the disk or the machine: wait, retry, say so
        ├── NotConnectedError     nobody has said where Kafka is, or it does not answer
        ├── PlatformError         the local platform cannot do what was asked
        ├── StateDirectoryError   the state directory cannot be used just now: its disk is full, another process holds it
        ├── StateDamagedError     a lane's local state is damaged: claim again, which discards and rebuilds it
        ├── UnknownStateError     the broker does not say what became of a commit: claim again
        └── StoppedLaneError      a lane stands still until somebody acts
            ├── LostRecordsError          a position is lost, outside its log, or of another topic
            ├── HangingTransactionError   a transaction has no end, and nobody can tell which way it went
            └── ClockError                this machine's clock and Kafka's differ

A message is one sentence that a council officer can act on. It holds no personal data: it names fields and places, never
values.
"""


class InstepError(Exception):
    """Whatever Instep raises on purpose; `str()` is fit to show to a user."""


class Ours(InstepError):
    """A bug or a broken configuration: stop."""


class ConfigurationError(Ours):
    """A setting that cannot be used; the message names it."""


class SchemaError(Ours):
    """The catalogue of schemas is unsound."""


class NetworkError(Ours):
    """The network's directory, or the topic made from it, is unsound."""


class DatumError(Ours):
    """A datum that does not fit the schema it is to be written with; names the schema, never a value."""


class HubRecordError(Ours):
    """A record of a hub topic that no processor of ours could have written; names its place, never what it holds."""


class Theirs(InstepError):
    """Bad input from outside: refuse it and go on."""


class PlainEventError(Theirs):
    """A plain JSON event that does not fit its schema; `field` is the path at fault."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class RowError(Theirs):
    """A row of a file that cannot be put right; `column` and `problem` say where and why, and hold no value."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(f"{column}: {problem}")
        self.column = column
        self.problem = problem


class FileFormatError(Theirs):
    """A file that is missing, empty, cut off or of another format."""


class UnsoundBytesError(Theirs):
    """Bytes that are no value of their schema (`undecodable`), or one written in no form Avro allows (`not-canonical`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The bytes of an event are {reason}.")
        self.reason = reason


class UnpackingError(Theirs):
    """A compressed batch that cannot be unpacked though its checksum is right, or would be too large unpacked."""

    def __init__(self, *, too_large: bool = False) -> None:
        super().__init__(
            f"A batch of records {'is too large unpacked' if too_large else 'cannot be unpacked'}."
        )
        self.too_large = too_large


class TheWorlds(InstepError):
    """The broker, the disk or the machine: wait, retry, say so."""


class NotConnectedError(TheWorlds):
    """Nobody has said where Kafka is, or it does not answer."""


class PlatformError(TheWorlds):
    """The local platform cannot do what was asked."""


class StateDirectoryError(TheWorlds):
    """The state directory, named, cannot be used just now."""


class StateDamagedError(TheWorlds):
    """A lane's local state is damaged: claim again, which discards it and rebuilds it from the changelog."""


class UnknownStateError(TheWorlds):
    """The broker does not say what became of a commit: the lane has to be claimed again."""


class StoppedLaneError(TheWorlds):
    """A lane stands still until somebody acts; `reason` is what `/ready` begins with."""

    reason = ""


class LostRecordsError(StoppedLaneError):
    """Records that a lane has not read are gone, or its position cannot be trusted."""

    reason = "lost-records"


class HangingTransactionError(StoppedLaneError):
    """A transaction of the lane has no end marker, and the broker does not know which way it went."""

    reason = "hanging-transaction"


class ClockError(StoppedLaneError):
    """This machine's clock differs from Kafka's by more than agreements, which are by the day, can bear."""

    reason = "clock"
