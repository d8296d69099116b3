"""A local broker's security: TLS everywhere, users by SCRAM, programs of the platform by certificate, an authorizer.

Clients sign in on `CLIENT` with a name and a secret. `MTLS` is for certificates: the broker's own connections, those of
whoever holds the broker's certificate (a super user, which makes the first users), and clients that have one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from instep.kafka.connection import Connection
from instep.local.certificates import CertificateAuthority, expires
from instep.local.ports import LOOPBACK
from instep.local.properties import escaped

BROKER = "instep.broker"
"""The principal of the broker itself."""
_RENEWED_BEFORE = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tls:
    """The certificates of one broker; `prepare` makes them, and anew in good time before they end."""

    directory: Path

    @property
    def ca(self) -> Path:
        """What clients trust."""
        return self.directory / "ca.pem"

    @property
    def broker(self) -> Path:
        """The broker's key and certificate."""
        return self.directory / "broker.pem"

    def prepare(self) -> CertificateAuthority | None:
        """The authority with which they were made, None where they were there already."""
        end = expires(self.ca)
        if end is not None and end - _RENEWED_BEFORE > datetime.now(UTC) and self.broker.exists():
            return None
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.ca.unlink(missing_ok=True)
        authority = CertificateAuthority()
        authority.issue(BROKER, self.broker)
        authority.write(self.ca)
        return authority

    def connection(self, port: int) -> Connection:
        """The broker's own identity, on the port where certificates sign in."""
        return Connection(
            bootstrap_servers=f"{LOOPBACK}:{port}",
            security_protocol="SSL",
            ssl_ca_file=self.ca,
            ssl_certificate_file=self.broker,
            ssl_key_file=self.broker,
        )


def secured_properties(tls: Tls, client: int, mtls: int, controller: int) -> str:
    """What is added to the broker's settings; of two values for a setting Java takes the last."""
    return f"""\
listeners=CLIENT://{LOOPBACK}:{client},MTLS://{LOOPBACK}:{mtls},CONTROLLER://{LOOPBACK}:{controller}
advertised.listeners=CLIENT://{LOOPBACK}:{client},MTLS://{LOOPBACK}:{mtls}
listener.security.protocol.map=CLIENT:SASL_SSL,MTLS:SSL,CONTROLLER:SSL
inter.broker.listener.name=MTLS
listener.name.client.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.client.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.mtls.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={escaped(tls.broker)}
ssl.truststore.type=PEM
ssl.truststore.location={escaped(tls.ca)}
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/,DEFAULT
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{BROKER};User:instep.admin
allow.everyone.if.no.acl.found=false
"""
