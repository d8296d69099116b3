"""Revisions: whether agreements that have changed bear a new version, since disclosures name them as `id@version`.

Were one changed under the version that it had, nobody could say any more what was shared under it, and on whose approval.
"""

from collections.abc import Iterator, Mapping

from instep.network import documents
from instep.network.agreements import Agreement


def stale_versions(
    before: Mapping[str, Agreement], now: Mapping[str, Agreement]
) -> Iterator[tuple[str, str]]:
    """Each agreement whose version should have risen, by id, and why in words."""
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
    """The keys of an agreement's file, in its order, whose values differ."""
    old, new = documents.document(was), documents.document(now)
    return [key for key in documents.AGREEMENT_KEYS if old[key] != new[key]]


def _and(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
