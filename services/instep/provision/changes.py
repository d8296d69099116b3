"""Lists the changes of a plan for people to read: `+` is created, `~` is changed, `-` is removed. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from instep.provision.plan import Plan

Sign = Literal["+", "~", "-"]

_KINDS = {"network": "settings of the network", "schema": "schema id"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change of a topic, a user, an ACL, a quota, a schema or a record. `detail` gives values before and after, or ""."""

    sign: Sign
    kind: str
    name: str
    detail: str = ""

    def __str__(self) -> str:
        named = f"{self.sign} {self.kind} {self.name}".rstrip()
        return f"{named}: {self.detail}" if self.detail else named


def changes(plan: Plan) -> Iterator[Change]:
    """Every change of a plan, in the order in which `apply` makes them."""
    for spec in plan.create:
        detail = f"partitions: {spec.partitions}, copies: {spec.replication_factor}"
        yield Change(sign="+", kind="topic", name=spec.name, detail=detail)
    for topic, settings in plan.settings.items():
        detail = ", ".join(f"{name} {was} -> {now}" for name, (was, now) in settings.items())
        yield Change(sign="~", kind="topic", name=topic, detail=detail)
    yield from _access(plan)
    for name, version in plan.register:
        yield Change(sign="+", kind="registered schema", name=f"{name} {version}")
    for key, value in plan.records.items():
        kind, _, name = key.partition("/")
        sign: Sign = "-" if value is None else "+" if key in plan.added else "~"
        yield Change(sign=sign, kind=_KINDS.get(kind, kind), name=name, detail=plan.details.get(key, ""))
    for name in plan.delete:
        yield Change(sign="-", kind="topic", name=name, detail="with all that lies in it")


def _access(plan: Plan) -> Iterator[Change]:
    access = plan.access
    if access is None:
        return
    for user in access.users_created:
        yield Change(sign="+", kind="user", name=user)
    for user in access.users_removed:
        yield Change(sign="-", kind="user", name=user)
    for acl in access.acls_created:
        yield Change(sign="+", kind="ACL", name=str(acl))
    for acl in access.acls_removed:
        yield Change(sign="-", kind="ACL", name=str(acl))
    for user, limits in access.quotas_set.items():
        removed = all(value is None for value in limits.values())
        words = (
            ", ".join(limits)
            if removed
            else ", ".join(f"{name} {value:g}" for name, value in limits.items() if value)
        )
        yield Change(sign="-" if removed else "~", kind="quota", name=user, detail=words)
