"""Decides which users, ACLs and quotas of a cluster have to change to match a network. Pure; `access` makes the changes."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from instep.network.access import Access
from instep.network.settings import Quotas
from instep.provision.bindings import Binding, binding

Limits = Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentAccess:
    """The access granted by a cluster now.

    `users` are None where people sign in by certificates, or by other means for which Instep makes no users.
    """

    bindings: frozenset[Binding]
    users: frozenset[str] | None
    quotas: Mapping[str, Limits]


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessChanges:
    """Users, ACLs and limits to create and to remove; `unmanaged` ACLs are left alone."""

    users_created: tuple[str, ...] = ()
    users_removed: tuple[str, ...] = ()
    acls_created: tuple[Binding, ...] = ()
    acls_removed: tuple[Binding, ...] = ()
    quotas_set: Mapping[str, Mapping[str, float | None]]
    unmanaged: tuple[Binding, ...] = ()

    @property
    def empty(self) -> bool:
        return not (
            self.users_created
            or self.users_removed
            or self.acls_created
            or self.acls_removed
            or self.quotas_set
        )

    def as_json(self) -> dict[str, Any]:
        """Names and sentences, as `instep network plan` and `apply` print them."""
        return {
            "users_created": self.users_created,
            "users_removed": self.users_removed,
            "acls_created": tuple(map(str, self.acls_created)),
            "acls_removed": tuple(map(str, self.acls_removed)),
            "quotas_changed": tuple(self.quotas_set),
            "acls_left_alone": tuple(map(str, self.unmanaged)),
        }


def access_changes(
    wanted: Access, quotas: Quotas, current: CurrentAccess, formerly: Collection[str]
) -> AccessChanges:
    """The changes between the cluster's access and `wanted`.

    `formerly` are the principals of the network that was applied last. The network owns its former and present principals,
    and every principal whose name begins with `instep.`. Permissions of owned principals that `wanted` does not name are
    removed. ACLs of other principals stay, and so does every DENY, by which an operator stops somebody at once: both are
    listed as `unmanaged`.
    """
    own = wanted.principals | set(formerly)

    def owned(user: str) -> bool:
        return user in own or user.startswith("instep.")

    named = frozenset(map(binding, wanted.acls))
    extra = current.bindings - named
    removed = {binding for binding in extra if owned(binding.user) and binding.allows}
    users = current.users
    return AccessChanges(
        users_created=() if users is None else tuple(sorted(wanted.principals - users)),
        users_removed=() if users is None else tuple(sorted(set(filter(owned, users - wanted.principals)))),
        acls_created=tuple(sorted(named - current.bindings)),
        acls_removed=tuple(sorted(removed)),
        quotas_set=_quotas(
            wanted, quotas, {user: limits for user, limits in current.quotas.items() if owned(user)}
        ),
        unmanaged=tuple(sorted(extra - removed)),
    )


def _quotas(
    wanted: Access, quotas: Quotas, current: Mapping[str, Limits]
) -> Mapping[str, Mapping[str, float | None]]:
    limits = {name: float(value) for name, value in asdict(quotas).items()}
    differing: dict[str, dict[str, float | None]] = {}
    for user in sorted(wanted.limited):
        if missing := dict(limits.items() - current.get(user, {}).items()):
            differing[user] = dict(missing)
    for user in sorted(current.keys() - wanted.limited):
        if excess := current[user].keys() & limits.keys():
            differing[user] = dict.fromkeys(sorted(excess))
    return differing
