"""Defines the whole tree of Instep's errors.

    InstepError
    ├── Ours            a bug or a broken configuration: stop
    │   ├── ConfigurationError    a setting, which the message names, cannot be used
    │   ├── SchemaError           the catalogue of schemas is unsound
    │   ├── NetworkError          the network's directory or topic is unsound
    │   ├── DatumError            we would write an event that does not fit its schema
    │   └── HubRecordError        a record in a hub topic that none of our own processors could have written
    ├── Theirs          bad input from outside: refuse the input, go on
    │   ├── PlainEventError       a plain JSON event does not fit its schema
    │   ├── RowError              a row or line of a file cannot be put right
    │   ├── FileFormatError       a file is missing, empty, cut off or of another format
    │   ├── UnsoundBytesError     bytes are no canonical value of their schema
    │   └── UnpackingError        a compressed batch of records cannot be unpacked, or is too large unpacked
    └── TheWorlds       the broker, the disk or the machine: wait, retry, say so
        ├── NotConnectedError     Kafka's address is not set, or Kafka or the registry does not answer
        ├── PlatformError         the local platform cannot carry out a command
        ├── StateDirectoryError   the state directory cannot be used just now: full disk, or another process holds the lock
        ├── StateDamagedError     a lane's local state is damaged: claim again, which discards and rebuilds the state
        ├── UnknownStateError     a commit's end, a position or a topic is not what the lane took it for: claim again
        └── StoppedLaneError      a lane stands still until somebody acts
            ├── LostRecordsError          records may have gone unread: the position or the topic cannot be trusted
            ├── HangingTransactionError   a transaction has no end, and nobody can tell whether Kafka committed
            └── ClockError                this machine's clock and Kafka's differ

A lane is one share of a service's partitions. To claim a lane is to take it from its last owner (`lanes/claim.py`).

A message is a single sentence that a council officer can act on. A message holds no personal data: messages name fields and
places, never values.
"""


class InstepError(Exception):
    """Every error that Instep raises on purpose; `str()` is fit to show to a user."""


class Ours(InstepError):
    """A bug or a broken configuration: stop."""


class ConfigurationError(Ours):
    """A setting cannot be used; the message names the setting."""


class SchemaError(Ours):
    """The catalogue of schemas is unsound."""


class NetworkError(Ours):
    """The network's directory, or the topic `instep.network`, is unsound."""


class DatumError(Ours):
    """A datum does not fit the schema of the event; the message names the schema, never a value."""


class HubRecordError(Ours):
    """No processor of ours could have written this record of a hub topic; the message names its place, never its content."""


class Theirs(InstepError):
    """Bad input from outside: refuse the input and go on."""


class PlainEventError(Theirs):
    """A plain JSON event does not fit its schema.

    `field` is the path of the field with the error. `problem` says in English how the field does not fit. `reason` is the
    code of the refusal that intake would give, had such an event been possible to encode.
    """

    def __init__(self, field: str, problem: str, reason: str = "undecodable") -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
        self.reason = reason


class RowError(Theirs):
    """A row of a file cannot be put right. `column` says where, `reason` is a code; neither holds a value."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column = column
        self.reason = reason


class FileFormatError(Theirs):
    """A file is missing, empty, cut off or of another format."""


class UnsoundBytesError(Theirs):
    """Bytes are no value of their schema (`undecodable`), or a value in a form that Avro forbids (`not-canonical`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The bytes of an event are {reason}.")
        self.reason = reason


class UnpackingError(Theirs):
    """A compressed batch cannot be unpacked although its checksum is right, or would be too large unpacked."""

    def __init__(self, *, too_large: bool = False) -> None:
        super().__init__(
            f"A batch of records {'is too large unpacked' if too_large else 'cannot be unpacked'}."
        )
        self.too_large = too_large


class TheWorlds(InstepError):
    """The broker, the disk or the machine: wait, retry, say so."""


class NotConnectedError(TheWorlds):
    """Kafka's address is not set, or Kafka or the registry does not answer."""


class PlatformError(TheWorlds):
    """The local platform cannot carry out a command."""


class StateDirectoryError(TheWorlds):
    """The state directory, which the message names, cannot be used just now."""


class StateDamagedError(TheWorlds):
    """A lane's local state is damaged: claim again, which discards the state and rebuilds it from the changelog."""


class UnknownStateError(TheWorlds):
    """A commit's end, a position or a topic is not what the lane took it for: the lane has to be claimed again."""


class StoppedLaneError(TheWorlds):
    """A lane stands still until somebody acts; `/ready` begins with `reason`."""

    reason = ""


class LostRecordsError(StoppedLaneError):
    """Records that a lane has not read are gone, or its position cannot be trusted."""

    reason = "lost-records"


class HangingTransactionError(StoppedLaneError):
    """A transaction of the lane has no end marker, and the broker does not know whether the transaction was committed."""

    reason = "hanging-transaction"


class ClockError(StoppedLaneError):
    """This machine's clock differs too much from Kafka's for agreements, which begin and end on a day."""

    reason = "clock"
