"""Events and records as plain JSON, typed: editors complete `new_address.postcode`, mypy finds a misspelt symbol.

    from instep.client.types import ResidentMoved

    event: ResidentMoved = {"header": {...}, "new_address": {"postcode": "LS1 4AP"}, "residence": "MAIN"}

Written from the newest version of each schema by `instep schemas types --write`; edit the schemas, not this file. What is
not known is left out. Types say how a record is written, not whether it is sound: intake's rules say that.
"""

from typing import Literal, NotRequired, TypedDict

Date = str
"""A day, such as 2026-04-01."""

Timestamp = str
"""A moment with its zone, such as 2026-04-01T09:30:00Z."""

Uuid = str
"""Such as 0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52."""

ChangeKind = Literal[
    "UNKNOWN",
    "NEW",
    "CORRECT",
    "ANNUL",
    "REFRESH",
]

Handling = Literal[
    "PROTECTED",
    "ORDINARY",
]

OperatorType = Literal[
    "UNKNOWN",
    "SOLETRADER",
    "PARTNERSHIP",
    "PERSON",
    "COMPANY",
    "CHARITY",
]

EstablishmentType = Literal[
    "UNKNOWN",
    "COMMERCIAL",
    "MOBILE",
    "DOMESTIC",
]

BusinessStatus = Literal[
    "UNKNOWN",
    "OPEN",
    "CHANGED",
    "CLOSED",
]

Residence = Literal[
    "UNKNOWN",
    "MAIN",
    "SECONDARY",
    "TEMPORARY",
]

MoveReason = Literal[
    "UNKNOWN",
    "MOVE",
    "PLACEMENT",
    "RENUMBERED",
    "BOUNDARY_CHANGE",
]

MoveStatus = Literal[
    "UNKNOWN",
    "NOTIFIED",
    "CONFIRMED",
]

Ending = Literal[
    "UNKNOWN",
    "DECIDED",
    "NOBODY_CONCERNED",
    "UNKNOWN_AREA",
]

DecisionResult = Literal[
    "UNKNOWN",
    "DELIVERED",
    "WITHHELD",
    "WITHDRAWN",
]

OutcomeKind = Literal[
    "UNKNOWN",
    "ACCEPTED",
    "RECEIPT",
    "OVERDUE",
    "REQUEST",
]

WithdrawalReason = Literal[
    "UNKNOWN",
    "ANNULLED",
    "NO_LONGER_CONCERNS",
    "NOW_PROTECTED",
    "ERASED",
    "AGREEMENT_ENDED",
]


class EventHeader(TypedDict):
    """First in every event; a prefix that can be decoded alone. Nothing in it describes the person."""

    event_id: Uuid
    """Identity of the event, unique for its source and subject."""
    source: str
    """The authority that publishes; the owner of the outbox."""
    source_system: NotRequired[str]
    """The system that recorded the change, for its owner's own use."""
    subject_ref: str
    """The source's own pseudonym of the subject: [A-Za-z0-9._-]{1,64}."""
    sequence: int
    """Rises with each event of a source and subject; a gap means nothing."""
    change_kind: NotRequired[ChangeKind]
    """What the event does to what was known."""
    replaces: NotRequired[Uuid]
    """The event that a CORRECT or ANNUL replaces: same source, same subject."""
    occurred_on: Date
    """The day from which it is true in the world."""
    recorded_at: Timestamp
    """When the source recorded it."""
    published_at: Timestamp
    """When it was published."""
    handling: NotRequired[Handling]
    """PROTECTED goes only where an agreement says that it may."""
    requested_by: NotRequired[str]
    """The one authority that a REFRESH is for."""
    synthetic: NotRequired[bool]
    """A canary: measured, and dropped at the edge."""


class Address(TypedDict):
    """An address, after BS 7666."""

    uprn: NotRequired[str]
    """Unique Property Reference Number: up to 12 digits, as text."""
    usrn: NotRequired[str]
    """Unique Street Reference Number: 8 digits, as text."""
    lines: NotRequired[list[str]]
    """Address lines, most specific first."""
    locality: NotRequired[str]
    """Locality."""
    town: NotRequired[str]
    """Town."""
    postcode: NotRequired[str]
    """Postcode, upper case with one space."""
    country: NotRequired[str]
    """ISO 3166-1 alpha-2."""
    authority_gss: NotRequired[str]
    """GSS code of the lowest-tier authority whose area holds the address."""
    valid_from: NotRequired[Date]
    """First day of the address."""
    valid_to: NotRequired[Date]
    """Last day of the address."""


class Contact(TypedDict):
    """How to reach the subject."""

    email: NotRequired[str]
    """E-mail address."""
    telephone: NotRequired[str]
    """Telephone number."""


class Partner(TypedDict):
    """A partner."""

    name: NotRequired[str]
    """Full name."""
    primary_contact: NotRequired[bool]
    """Whether this is the one to reach."""


class Operator(TypedDict):
    """Who runs the business."""

    type: NotRequired[OperatorType]
    """A sole trader's record is personal data."""
    given_names: NotRequired[str]
    """Given names of a sole trader or person."""
    family_name: NotRequired[str]
    """Family name of a sole trader or person."""
    born_on: NotRequired[Date]
    """Date of birth of a sole trader or person."""
    company_name: NotRequired[str]
    """Name of the company."""
    charity_name: NotRequired[str]
    """Name of the charity."""
    address: NotRequired[Address]
    """Address of the operator."""
    contact: NotRequired[Contact]
    """How to reach the operator."""
    partners: NotRequired[list[Partner]]
    """Partners of a partnership."""
    representative_name: NotRequired[str]
    """Contact representative."""
    representative_role: NotRequired[str]
    """Role of the representative."""
    representative_contact: NotRequired[Contact]
    """How to reach the representative."""


class Establishment(TypedDict):
    """What opened."""

    trading_names: NotRequired[list[str]]
    """Trading names, the main one first."""
    type: NotRequired[EstablishmentType]
    """Kind of premises."""
    address: NotRequired[Address]
    """Where it trades."""
    contact: NotRequired[Contact]
    """How to reach it."""
    website: NotRequired[str]
    """Web address."""


class Activities(TypedDict):
    """What the business does."""

    business_type: NotRequired[str]
    """Code of the Food Standards Agency's list of business types, three digits."""
    customer_type: NotRequired[str]
    """END_CONSUMER, OTHER_BUSINESSES or BOTH."""
    business_scale: NotRequired[list[str]]
    """LOCAL, NATIONAL, EXPORT and so on."""
    food_types: NotRequired[list[str]]
    """Kinds of food handled."""
    processing: NotRequired[list[str]]
    """Processing activities."""
    import_export: NotRequired[str]
    """IMPORT, EXPORT, BOTH or NONE."""
    water_supply: NotRequired[str]
    """PUBLIC, PRIVATE or BOTH."""
    other_details: NotRequired[str]
    """Free text."""
    opening_days: NotRequired[list[str]]
    """Days on which it opens, MONDAY first."""
    opening_hours: NotRequired[list[str]]
    """Hours in the same order, as given."""
    opening_irregular: NotRequired[str]
    """Irregular opening, as given."""


class BusinessRegistered(TypedDict):
    """A business registered, changed or closed. A NEW, CORRECT or REFRESH gives registration_ref,
    establishment, status.
    """

    header: EventHeader
    """The event header."""
    registration_ref: NotRequired[str]
    """The register's own reference, for example fsa_rn."""
    operator: NotRequired[Operator]
    """Who runs the business."""
    establishment: NotRequired[Establishment]
    """What opened, and where."""
    activities: NotRequired[Activities]
    """What it does."""
    opened_on: NotRequired[Date]
    """First day of trading."""
    closed_on: NotRequired[Date]
    """Last day of trading."""
    status: NotRequired[BusinessStatus]
    """What happened to the registration."""
    sic_codes: NotRequired[list[str]]
    """SIC 2007 codes, five digits (old companies: four)."""
    company_number: NotRequired[str]
    """Companies House number: 8 characters."""
    charity_number: NotRequired[str]
    """Charity number."""


class LocalReference(TypedDict):
    """A reference that the two services share."""

    scheme: NotRequired[str]
    """Whose reference it is, for example council-tax-account."""
    value: NotRequired[str]
    """The reference."""


class Person(TypedDict):
    """Who moved."""

    title: NotRequired[str]
    """Title."""
    given_names: NotRequired[str]
    """Given names, in order."""
    family_name: NotRequired[str]
    """Family name."""
    former_names: NotRequired[list[str]]
    """Former full names."""
    born_on: NotRequired[Date]
    """Date of birth."""
    local_references: NotRequired[list[LocalReference]]
    """References that recipients may match by."""


class Placement(TypedDict):
    """The content of a notice under section 208 of the Housing Act 1996."""

    applicant: NotRequired[Person]
    """The applicant."""
    others_number: NotRequired[int]
    """How many others live with the applicant."""
    others_description: NotRequired[str]
    """Who they are, without names."""
    address: NotRequired[Address]
    """The accommodation."""
    made_available_on: NotRequired[Date]
    """The day on which it was made available."""
    function_discharged: NotRequired[str]
    """The function discharged, for example s.188 or s.193."""


class ResidentMoved(TypedDict):
    """A resident's address changed. A NEW, CORRECT or REFRESH gives person.family_name, new_address,
    moved_on.
    """

    header: EventHeader
    """The event header."""
    person: NotRequired[Person]
    """Who moved."""
    old_address: NotRequired[Address]
    """Where from."""
    new_address: NotRequired[Address]
    """Where to."""
    moved_on: NotRequired[Date]
    """The day of the move."""
    residence: NotRequired[Residence]
    """What the new address is to the person."""
    reason: NotRequired[MoveReason]
    """Why the address changed."""
    status: NotRequired[MoveStatus]
    """Whether the council has confirmed what it was told."""
    group_ref: NotRequired[str]
    """A pseudonym shared by people who move together."""
    contact: NotRequired[Contact]
    """How to reach the person."""
    placement: NotRequired[Placement]
    """Only for an out-of-area placement."""


class Decision(TypedDict):
    """One candidate and purpose."""

    authority: str
    """The candidate."""
    purpose: str
    """The purpose; empty where no agreement names one."""
    result: NotRequired[DecisionResult]
    """What was done."""
    reason: NotRequired[str]
    """Why it was withheld or withdrawn; empty when delivered."""
    agreements: NotRequired[list[str]]
    """The agreements that permit it, as id@version."""
    fields: NotRequired[list[str]]
    """Paths of the fields shared."""
    respond_by: NotRequired[Date]
    """By when the recipient answers."""


class Disclosure(TypedDict):
    """Who was told what of an event, and under which agreements."""

    event_id: Uuid
    """The event."""
    source: str
    """Its source."""
    subject_ref: str
    """Its subject."""
    event_type: str
    """For example resident-moved."""
    change_kind: NotRequired[ChangeKind]
    """Of the event."""
    replaces: NotRequired[Uuid]
    """The event that it replaces."""
    generation: int
    """Of the network under which it was decided."""
    at: Timestamp
    """When it was decided."""
    ending: NotRequired[Ending]
    """How the event ended."""
    decisions: NotRequired[list[Decision]]
    """An entry for each candidate and purpose."""


class OutcomeDecision(TypedDict):
    """One candidate and purpose of an accepted event."""

    authority: str
    """The candidate."""
    purpose: str
    """The purpose; empty where no agreement names one."""
    result: NotRequired[DecisionResult]
    """What was done."""
    reason: NotRequired[str]
    """Why it was withheld or withdrawn; empty when delivered."""
    agreements: NotRequired[list[str]]
    """The agreements that permit it, as id@version."""


class OutcomeEntry(TypedDict):
    """One thing to say."""

    kind: NotRequired[OutcomeKind]
    """What this entry says."""
    event_id: NotRequired[Uuid]
    """The event."""
    subject_ref: NotRequired[str]
    """Its subject."""
    authority: NotRequired[str]
    """The recipient that it speaks of."""
    purpose: NotRequired[str]
    """The purpose."""
    outcome: NotRequired[str]
    """The recipient's outcome."""
    reason_code: NotRequired[str]
    """The recipient's reason."""
    fields: NotRequired[list[str]]
    """Names of the fields at issue."""
    delivered: NotRequired[int]
    """To how many recipients and purposes it was delivered."""
    withheld: NotRequired[int]
    """From how many it was withheld."""
    at: Timestamp
    """When."""
    withdrawn: NotRequired[int]
    """From how many past recipients and purposes the event that it replaces was withdrawn."""
    ending: NotRequired[Ending]
    """How the decision of an accepted event ended."""
    decisions: NotRequired[list[OutcomeDecision]]
    """An entry for each candidate and purpose of an accepted event."""


class Outcome(TypedDict):
    """What a source learns of its events."""

    entries: NotRequired[list[OutcomeEntry]]
    """Many to a record."""


class Rejection(TypedDict):
    """Why an event was refused. It holds no value of the event."""

    source: str
    """Whose outbox."""
    reason: str
    """One of the closed list of reasons."""
    fields: NotRequired[list[str]]
    """Names of the fields at fault."""
    outbox_offset: int
    """Where the original lies in the source's outbox."""
    event_id: NotRequired[Uuid]
    """The event, where it could be read."""
    at: Timestamp
    """When it was refused."""


class Withdrawal(TypedDict):
    """Tells a past recipient to stop relying on an event."""

    source: str
    """The source."""
    subject_ref: str
    """The subject."""
    event_id: Uuid
    """The event that is withdrawn."""
    reason: NotRequired[WithdrawalReason]
    """Why."""
