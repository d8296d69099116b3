"""Explains every reason code in plain English: its meaning, and how to put things right.

Refusals are a closed list, and so are the reasons to withhold or withdraw. A test keeps the tables complete: a reason
without an explanation for a council officer is a defect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A reason's meaning and remedy; each is a sentence or two."""

    meaning: str
    remedy: str


def _table(rows: Mapping[str, tuple[str, str]]) -> Mapping[str, Explanation]:
    return MappingProxyType({name: Explanation(meaning=m, remedy=r) for name, (m, r) in rows.items()})


REFUSALS = _table(
    {
        "oversize": (
            "The event is larger than the network carries (256 KiB, with a key of 256 bytes and 16 KiB or 64 headers), "
            "or came in a compressed batch that unpacks to more than 16 MiB.",
            "Take long free text or repeated entries out of the record, and publish it again.",
        ),
        "bad-framing": (
            "The record does not begin with the marker and schema number that every event has, or it came in a "
            "compressed batch that cannot be unpacked.",
            "Let the sending system write Confluent framing: a zero byte, then the schema's id in four bytes.",
        ),
        "unknown-schema": (
            "The record names a schema that is not an event of this network.",
            "Use a schema id that `instep schemas list --ids` lists for an event, and publish again.",
        ),
        "undecodable": (
            "The bytes are not an event of the schema that they name.",
            "Check that the sending system writes with exactly the schema whose id it puts in front.",
        ),
        "trailing-bytes": (
            "There are bytes left over after the end of the event.",
            "Let the sending system put one event, and nothing after it, in each record.",
        ),
        "not-canonical": (
            "The event is written in a form that Avro does not allow, such as a negative choice or an overlong number.",
            "Write events with a standard Avro library, and publish again.",
        ),
        "wrong-source": (
            "The event says that it comes from an authority other than the one whose outbox it lies in.",
            "Publish each authority's events to its own outbox, with its own id as the source.",
        ),
        "key-mismatch": (
            "The record's key is not the event's subject reference.",
            "Use the subject reference, in UTF-8, as the key of the record.",
        ),
        "header-mismatch": (
            "A CloudEvents header of the record contradicts the event in it.",
            "Leave the ce_ headers out, or make them from the event itself.",
        ),
        "unknown-value": (
            "A field that decides something holds the value UNKNOWN.",
            "Fill in the fields named with a value that says what is meant, and publish again.",
        ),
        "bad-identifier": (
            "An identifier, such as a UPRN, a postcode or a reference, does not have the shape of one.",
            "Correct the fields named in your own system, and publish again.",
        ),
        "bad-date": (
            "A date is impossible, too far in the past or in the future.",
            "Correct the dates named, and check the clock of the sending system.",
        ),
        "missing-field": (
            "A field that this event must have is empty.",
            "Fill in the fields named, and publish again.",
        ),
        "id-conflict": (
            "An earlier event of the same subject had the same event id, and said something else.",
            "Give the changed content a new event id, as a correction that replaces the earlier one. If only your "
            "agreements have changed since, nothing is to be done: the earlier event stands.",
        ),
        "replaces-unknown": (
            "The event corrects or annuls one that the network has not accepted from you.",
            "Check the id it replaces; if the first event was refused, put that one right, then publish this again.",
        ),
        "not-disclosed-to-you": (
            "A receipt speaks of an event that its author was never sent.",
            "Send receipts only for events of your own inboxes, with the source, subject and purpose found there.",
        ),
        "receipt-goes-back": (
            "A receipt says less than one that you have sent already for the same event.",
            "No action is needed unless the earlier receipt was wrong; then tell the source.",
        ),
        "poison": (
            "Reading the record stopped the service twice, so it was set aside unread.",
            "Tell the network's operators: the record lies in your outbox at the place named.",
        ),
    }
)

WITHHELD = _table(
    {
        "no-agreement": (
            "No sharing agreement between you and this authority covers the event.",
            "If it should be shared, agree on it with that authority; nothing leaves without an agreement.",
        ),
        "not-yet-effective": (
            "The agreement that would cover it has not begun.",
            "It flows from the agreement's first day; publish the change again then if it is still needed.",
        ),
        "expired": (
            "The agreement's review date has passed.",
            "Review and renew the agreement with the authorities in it.",
        ),
        "suspended": (
            "The agreement is suspended.",
            "Ask the agreement's contact; what was held back meanwhile is not sent later by itself.",
        ),
        "ended": (
            "The agreement has ended.",
            "If sharing should go on, make a new agreement.",
        ),
        "not-approved": (
            "The agreement has not been approved by both sides.",
            "Ask the authority that is missing from its approvals; it binds only those who have approved it.",
        ),
        "protected": (
            "The person or household is protected, and the agreement does not allow protected records.",
            "Nothing is wrong; share it only by the route that your safeguarding procedure names.",
        ),
        "kind-not-shared": (
            "The agreement does not cover this kind of change.",
            "If such changes should be shared, add the kind to the agreement.",
        ),
    }
)

WITHDRAWN = _table(
    {
        "ANNULLED": (
            "The source has annulled the event: it should never have been said.",
            "Undo what you recorded from it.",
        ),
        "NO_LONGER_CONCERNS": (
            "The event was corrected, and as corrected it does not concern you.",
            "Undo what you recorded from it.",
        ),
        "NOW_PROTECTED": (
            "The person or household is now protected, and the agreement does not allow protected records.",
            "Remove what you recorded from it, and follow your safeguarding procedure.",
        ),
        "ERASED": (
            "The source has erased the record.",
            "Erase what you recorded from it, unless you hold it on grounds of your own.",
        ),
        "AGREEMENT_ENDED": (
            "The event was corrected, and no agreement now allows the correction to reach you.",
            "Stop relying on what you recorded from it.",
        ),
    }
)

WITHDRAWN_FROM = _table(
    {
        "ANNULLED": (
            "You annulled the event, and this recipient was told to undo what it recorded.",
            "Nothing is to be done.",
        ),
        "NO_LONGER_CONCERNS": (
            "As corrected, the event does not concern this recipient, who was told to undo what it recorded.",
            "Check the addresses of the correction if it should still concern this recipient.",
        ),
        "NOW_PROTECTED": (
            "The person or household is now protected, and the agreement does not allow protected records. This recipient"
            " was told to remove what it recorded.",
            "Nothing is wrong; share it only by the route that your safeguarding procedure names.",
        ),
        "ERASED": (
            "You erased the record, and this recipient was told to erase what it recorded.",
            "Nothing is to be done.",
        ),
        "AGREEMENT_ENDED": (
            "No agreement allows the correction to reach this recipient, who was told to rely on the event no longer.",
            "If sharing should go on, renew the agreement, and publish the record again.",
        ),
    }
)
"""The reasons to withdraw, in words for the source."""

ENDINGS = _table(
    {
        "NOBODY_CONCERNED": (
            "The event concerns no other authority, so nobody was told.",
            "Nothing is wrong, for example with a move within one unitary authority.",
        ),
        "UNKNOWN_AREA": (
            "Neither address could be placed in an authority's area.",
            "Check the postcodes, or give the authority's GSS code with the address.",
        ),
    }
)

_EVERY = {**REFUSALS, **WITHHELD, **WITHDRAWN, **ENDINGS}


def explain_to_source(reason: str) -> Explanation:
    """The explanation of a reason to the event's source; a reason to withdraw is otherwise explained to the recipient."""
    return WITHDRAWN_FROM.get(reason) or explain(reason)


def explain(reason: str) -> Explanation:
    """The explanation of a reason. A reason of a newer network, unknown to this client, is explained as such."""
    explanation = _EVERY.get(reason)
    if explanation:
        return explanation
    return Explanation(
        meaning=f"The network gave the reason '{reason}', which is newer than this command.",
        remedy="Bring Instep up to date on this machine.",
    )
