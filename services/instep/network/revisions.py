"""Revisions: finds changed agreements without a new version. Disclosures name an agreement as `id@version`.

If an agreement changed under the same version, nobody could say any more which fields were shared under that version, and
with whose approval.
"""

from collections.abc import Iterator, Mapping

from instep.network import documents
from instep.network.agreements import Agreement


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


def _and(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
