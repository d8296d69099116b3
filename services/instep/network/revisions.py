"""Revisions: finds changed agreements without a new version. Disclosures name an agreement as `id@version`.

If an agreement changed under the same version, nobody could say any more which fields were shared under that version, and
with whose approval.
"""

from collections.abc import Iterable, Iterator, Mapping

from instep.network import documents
from instep.network.agreements import Agreement, Share


def stale_versions(
    before: Mapping[str, Agreement], now: Mapping[str, Agreement]
) -> Iterator[tuple[str, str]]:
    """The id of each agreement whose version should have risen, and the reason as a sentence."""
    for id in sorted(before.keys() & now.keys()):
        was, agreement = before[id], now[id]
        if agreement == was or agreement.version > was.version:
            continue
        if agreement.version < was.version:
            words = f"version {was.version} has been applied already, and a version never goes back"
        else:
            words = f"{_and(changed_keys(was, agreement))} changed, but its version is still {was.version}"
        yield id, f"{words}: write version = {was.version + 1}"


def changed_keys(was: Agreement, now: Agreement) -> list[str]:
    """The keys whose values differ, in the order of an agreement's file."""
    old, new = documents.document(was), documents.document(now)
    return [key for key in documents.AGREEMENT_KEYS if old[key] != new[key]]


def changes_in_words(was: Agreement, now: Agreement) -> list[str]:
    """What changes of an agreement, but for its version: `review_by 2027-03-31 -> 2028-03-31`, `sources: leeds comes`,
    `resident-moved: person.title goes`.
    """
    old, new = documents.document(was), documents.document(now)
    words: list[str] = []
    for key in changed_keys(was, now):
        if key == "share":
            words += _share_changes(was, now)
        elif key == "approved":
            words += _comings_and_goings("approvals", was.approved, now.approved) or [
                "approvals: dates or names"
            ]
        elif isinstance(new[key], list):
            words += _comings_and_goings(key, old[key], new[key])
        elif key != "version":
            words.append(f"{key} {old[key]} -> {new[key]}")
    return words


def _share_changes(was: Agreement, now: Agreement) -> list[str]:
    """How the shares of each type of event differ; terms are compared where there is one share before and after."""
    words: list[str] = []
    for event in sorted({*was.events, *now.events}):
        old, new = was.events.get(event, ()), now.events.get(event, ())
        words += _comings_and_goings(event, _fields(old), _fields(new))
        if len(old) == len(new) == 1:
            words += _term_changes(event, old[0], new[0])
        elif _fields(old) == _fields(new) and old != new:
            words.append(f"{event}: terms of its shares")
    return words or ["order of shares"]


def _term_changes(event: str, old: Share, new: Share) -> Iterator[str]:
    yield from _comings_and_goings(event, old.change_kinds, new.change_kinds)
    if old.when != new.when:
        yield f"{event}: when {old.when} -> {new.when}"
    if old.protected != new.protected:
        yield f"{event}: events of protected people {'come' if new.protected else 'go'}"


def _fields(shares: Iterable[Share]) -> frozenset[str]:
    return frozenset(path for share in shares for path in share.fields)


def _comings_and_goings(name: str, old: Iterable[str], new: Iterable[str]) -> list[str]:
    before, after = set(old), set(new)
    words = [f"{item} comes" for item in sorted(after - before)] + [
        f"{item} goes" for item in sorted(before - after)
    ]
    return [f"{name}: {', '.join(words)}"] if words else []


def _and(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
