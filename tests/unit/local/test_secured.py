"""The certificates of a local broker."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from instep.local import secured
from instep.local.certificates import CertificateAuthority, expires
from instep.local.secured import Tls, secured_properties


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    made = Tls(directory=tmp_path / "tls")
    assert made.prepare() is not None
    return made


def test_they_are_made_once_and_nobody_else_can_read_the_key(tls: Tls) -> None:
    before = tls.broker.read_bytes()
    assert tls.prepare() is None
    assert tls.broker.read_bytes() == before
    assert b"BEGIN PRIVATE KEY" in before, "PKCS#8: Kafka takes no other"
    assert tls.broker.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in tls.ca.read_bytes()
    assert {file.name for file in tls.directory.iterdir()} == {"ca.pem", "broker.pem"}, (
        "the authority's key is gone"
    )


def test_they_are_made_anew_in_good_time_before_they_end(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    end = expires(tls.ca)
    assert end is not None
    monkeypatch.setattr(secured, "_RENEWED_BEFORE", end - datetime.now(UTC) + timedelta(hours=1))
    before = tls.ca.read_bytes()
    assert tls.prepare() is not None
    assert tls.ca.read_bytes() != before


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_damaged_or_half_made_ones_are_made_anew(tls: Tls, content: bytes | None) -> None:
    if content is None:
        tls.broker.unlink()
    else:
        tls.ca.write_bytes(content)
    assert tls.prepare() is not None
    assert expires(tls.ca)
    assert expires(tls.broker)


def test_a_client_trusts_a_broker_of_this_authority_on_this_machine_and_no_other(
    tls: Tls, tmp_path: Path
) -> None:
    assert _shakes_hands(tls.ca, tls.broker, "127.0.0.1")
    assert _shakes_hands(tls.ca, tls.broker, "localhost")
    assert not _shakes_hands(tls.ca, tls.broker, "kafka.example")
    CertificateAuthority().issue("instep.broker", tmp_path / "other.pem")
    assert not _shakes_hands(tls.ca, tmp_path / "other.pem", "127.0.0.1")


def test_no_listener_is_without_tls(tls: Tls) -> None:
    settings = dict(line.split("=", 1) for line in secured_properties(tls, 1, 2, 3).splitlines())
    protocols = dict(one.split(":") for one in settings["listener.security.protocol.map"].split(","))
    assert protocols == {"CLIENT": "SASL_SSL", "MTLS": "SSL", "CONTROLLER": "SSL"}
    assert settings["allow.everyone.if.no.acl.found"] == "false"


def _shakes_hands(ca: Path, server: Path, name: str) -> bool:
    """Whether a client that trusts `ca` goes on with `server` as `name`; in memory, no port."""
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(server)
    ours = ssl.create_default_context(cafile=ca)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = theirs.wrap_bio(up, down, server_side=True)
    here = ours.wrap_bio(down, up, server_hostname=name)
    for _ in range(4):
        for end in (here, there):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return here.version() is not None
