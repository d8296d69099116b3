"""Looks where else a record may have been published: for another network, or with another secret of the authority."""

from collections.abc import Sequence
from pathlib import Path

from instep.adapters.recall import recalled
from instep.client.council import Council
from instep.client.memory_place import Place
from instep.client.outbox_history import outbox_of, read_history


def other_networks(
    at: Council, where: Place, home: Path | None, reference: str, systems: Sequence[str]
) -> list[str]:
    """The other networks for which this user's memories know a local reference, in words.

    `home` is the memory of this network, or None. `systems` may number the reference. Raises PlatformError where a memory
    cannot be read.
    """
    named: dict[str, None] = {}
    for kept in where.kept(at.authority):
        if kept.home == home or not kept.network:
            continue
        with recalled(kept.home, at.authority) as recall:
            if recall and any(map(recall.knows, recall.pseudonyms(reference, systems))):
                same_name = kept.network == at.network.name
                named[f"{kept.network} on another cluster" if same_name else kept.network] = None
    return list(named)


async def other_secrets(at: Council, own: str) -> list[str]:
    """The key ids of the secrets with which events of the council's outbox were made, without its `own` key id.

    Raises NotConnectedError, or ConfigurationError where the user may not read the outbox.
    """
    history = await read_history(at, await outbox_of(at))
    return sorted(history.keys.keys() - {own})
