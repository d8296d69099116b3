"""Converts Instep's ACLs to Kafka's own form, numbers in place of words, and shows ACLs of Kafka's as text. Pure."""

from typing import NamedTuple

from instep.network.access import Acl

_RESOURCES = {"topic": 2, "group": 3, "cluster": 4, "transactional-id": 5}
_OPERATIONS = {
    "READ": 3,
    "WRITE": 4,
    "CREATE": 5,
    "DELETE": 6,
    "ALTER": 7,
    "DESCRIBE": 8,
    "DESCRIBE_CONFIGS": 10,
    "ALTER_CONFIGS": 11,
}
_ALLOW, _LITERAL, _PREFIXED = 3, 3, 4


class Binding(NamedTuple):
    """An ACL in Kafka's own numbers: also such as Instep would not make, so that Instep can show and delete them."""

    resource: int
    name: str
    pattern: int
    principal: str
    host: str
    operation: int
    permission: int

    @property
    def user(self) -> str:
        """The principal's name without Kafka's `User:`."""
        return self.principal.removeprefix("User:")

    @property
    def allows(self) -> bool:
        return self.permission == _ALLOW

    def __str__(self) -> str:
        resource = {number: name for name, number in _RESOURCES.items()}.get(self.resource, self.resource)
        operation = {number: name for name, number in _OPERATIONS.items()}.get(self.operation, self.operation)
        verb = "may" if self.allows else "may not"
        return f"{self.user} {verb} {operation} {resource} {self.name}{'*' * (self.pattern == _PREFIXED)}"


def binding(acl: Acl) -> Binding:
    """The ACL in Kafka's numbers."""
    return Binding(
        resource=_RESOURCES[acl.resource],
        name=acl.name,
        pattern=_PREFIXED if acl.prefixed else _LITERAL,
        principal=f"User:{acl.principal}",
        host="*",
        operation=_OPERATIONS[acl.operation],
        permission=_ALLOW,
    )
