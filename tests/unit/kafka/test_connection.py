"""A connection comes from settings, an error names the bad variable, and no secret shows."""

import json
from pathlib import Path

import pytest

from instep.errors import ConfigurationError, NotConnectedError
from instep.kafka.connection import Connection, ensure_reachable, from_env, home, not_permitted
from instep.kafka.secrets import secret
from instep.local.ports import free_ports


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("geheim\n")
    return file


@pytest.fixture
def secure(password_file: Path) -> dict[str, str]:
    return {
        "INSTEP_BOOTSTRAP_SERVERS": "a.example:9094,b.example:9094",
        "INSTEP_SASL_USERNAME": "leeds",
        "INSTEP_SASL_PASSWORD_FILE": str(password_file),
    }


def left_by_up(directory: Path, **content: object) -> Path:
    (directory / "connection.json").write_text(json.dumps(content))
    return directory


def test_a_connection_is_secure_unless_it_is_said_by_name_that_it_is_not(secure: dict[str, str]) -> None:
    connection = from_env(secure)
    assert connection.security_protocol == "SASL_SSL"
    assert connection.sasl_mechanism == "SCRAM-SHA-512"
    plain = from_env({"INSTEP_BOOTSTRAP_SERVERS": "x:1", "INSTEP_SECURITY_PROTOCOL": "plaintext"})
    assert plain.kafka() == {"bootstrap_servers": ["x:1"], "security_protocol": "PLAINTEXT"}


def test_servers_alone_are_not_connected_to_in_plain_text() -> None:
    with pytest.raises(ConfigurationError, match=r"INSTEP_SASL_USERNAME.*INSTEP_SECURITY_PROTOCOL=PLAINTEXT"):
        from_env({"INSTEP_BOOTSTRAP_SERVERS": "x:1"})


def test_both_clients_are_told_the_same(secure: dict[str, str]) -> None:
    connection = from_env(secure)
    aiokafka, librdkafka = connection.kafka(), connection.confluent()
    assert aiokafka.pop("ssl_context").check_hostname
    assert aiokafka == {
        "bootstrap_servers": ["a.example:9094", "b.example:9094"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "leeds",
        "sasl_plain_password": "geheim",
    }
    assert librdkafka == {
        "bootstrap.servers": "a.example:9094,b.example:9094",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "leeds",
        "sasl.password": "geheim",
    }


def test_a_password_is_in_no_repr(secure: dict[str, str]) -> None:
    connection = from_env(secure)
    assert connection.sasl_password == "geheim"
    assert "geheim" not in repr(connection)
    assert "geheim" not in str(connection)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("INSTEP_BOOTSTRAP_SERVERS", "host"),
        ("INSTEP_BOOTSTRAP_SERVERS", "host:port"),
        ("INSTEP_BOOTSTRAP_SERVERS", "host:0"),
        ("INSTEP_BOOTSTRAP_SERVERS", "host:70000"),
        ("INSTEP_BOOTSTRAP_SERVERS", ":9092"),
        ("INSTEP_BOOTSTRAP_SERVERS", ","),
        ("INSTEP_SECURITY_PROTOCOL", "TLS"),
        ("INSTEP_SASL_MECHANISM", "GSSAPI"),
        ("INSTEP_SASL_USERNAME", " "),
        ("INSTEP_SASL_PASSWORD_FILE", ""),
        ("INSTEP_SASL_PASSWORD_FILE", "/nowhere"),
        ("INSTEP_SSL_CA_FILE", "/nowhere"),
        ("INSTEP_SSL_CERTIFICATE_FILE", "/nowhere"),
        ("INSTEP_SSL_KEY_FILE", "/nowhere"),
    ],
)
def test_a_bad_value_names_its_variable(secure: dict[str, str], variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        from_env(secure | {variable: value})


def test_an_empty_password_file_is_named_and_an_unreadable_certificate_too(
    secure: dict[str, str], password_file: Path, tmp_path: Path
) -> None:
    nonsense = tmp_path / "ca.pem"
    nonsense.write_text("no certificate")
    with pytest.raises(ConfigurationError, match="INSTEP_SSL_CA_FILE"):
        from_env(secure | {"INSTEP_SSL_CA_FILE": str(nonsense)}).kafka()
    password_file.write_text("\n")
    with pytest.raises(ConfigurationError, match="INSTEP_SASL_PASSWORD_FILE"):
        from_env(secure)


def test_without_variables_what_up_has_left_is_used(tmp_path: Path) -> None:
    left_by_up(tmp_path, bootstrap_servers="127.0.0.1:1234", security_protocol="PLAINTEXT")
    expected = Connection(bootstrap_servers="127.0.0.1:1234", security_protocol="PLAINTEXT", local=True)
    assert from_env({}, tmp_path) == expected


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """The files that `instep up` and `network apply` leave."""
    secrets = tmp_path / "secrets"
    for principal in ("instep.admin", "leeds", "leeds.placements"):
        secret(secrets, principal)
    return left_by_up(
        tmp_path,
        bootstrap_servers="127.0.0.1:1234",
        security_protocol="SASL_SSL",
        sasl_username="instep.admin",
        sasl_password_file=str(secrets / "instep.admin"),
        secrets_dir=str(secrets),
    )


def test_on_the_local_platform_one_signs_in_as_whom_one_speaks_for(platform: Path) -> None:
    admin = from_env({}, platform)
    leeds = admin.signed_in_as("leeds")
    assert (admin.sasl_username, leeds.sasl_username) == ("instep.admin", "leeds")
    assert leeds.sasl_password == secret(platform / "secrets", "leeds") != admin.sasl_password
    assert admin.signed_in_as("leeds.placements").sasl_username == "leeds.placements"
    with pytest.raises(ConfigurationError, match=r"no secret of camden.*`instep network apply`"):
        admin.signed_in_as("camden")


@pytest.mark.parametrize("name", ["../secrets/leeds", "Leeds", "", ".", "leeds/../leeds"])
def test_a_name_that_is_no_principals_has_no_secret(platform: Path, name: str) -> None:
    connection = from_env({}, platform)
    assert not connection.has_secret_of(name)
    with pytest.raises(ConfigurationError, match="no secret"):
        connection.signed_in_as(name)


def test_whoever_has_been_said_to_be_somebody_stays_it(platform: Path, secure: dict[str, str]) -> None:
    connection = from_env({"INSTEP_SASL_USERNAME": "leeds"}, platform)
    assert connection.sasl_password == secret(platform / "secrets", "leeds")
    assert connection.signed_in_as("leeds.placements") == connection
    production = from_env(secure, platform)
    assert production.signed_in_as("bradford") == production


@pytest.mark.parametrize("topics", ["b.inbox.x", {"b.inbox.x"}, ["b.inbox.x"]])
def test_who_may_not_do_what_is_one_sentence_however_the_topics_come(topics: str | set[str]) -> None:
    connection = Connection(bootstrap_servers="x:1", sasl_username="leeds")
    sentence = str(not_permitted(connection, topics))
    assert sentence.startswith("The broker does not permit leeds to use b.inbox.x: ")


def test_the_platforms_directory_can_be_named(platform: Path) -> None:
    assert from_env({"INSTEP_HOME": str(platform)}).sasl_username == "instep.admin"


def test_a_local_file_never_makes_another_cluster_plain_text(tmp_path: Path) -> None:
    left_by_up(tmp_path, bootstrap_servers="127.0.0.1:1234", security_protocol="PLAINTEXT")
    with pytest.raises(ConfigurationError, match="INSTEP_SASL_USERNAME"):
        from_env({"INSTEP_BOOTSTRAP_SERVERS": "kafka.example:9092"}, tmp_path)


def test_where_nobody_has_said_where_kafka_is_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotConnectedError, match=r"`instep up`.*INSTEP_BOOTSTRAP_SERVERS"):
        from_env({}, tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "\udcff"])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "connection.json").write_text(content, errors="surrogateescape")
    with pytest.raises(ConfigurationError, match=r"connection\.json"):
        from_env({}, tmp_path)


async def test_a_broker_that_is_not_there_is_said_in_one_sentence() -> None:
    (port,) = free_ports(1)
    connection = Connection(bootstrap_servers=f"127.0.0.1:{port}", security_protocol="PLAINTEXT")
    with pytest.raises(NotConnectedError, match=rf"No broker answers at 127\.0\.0\.1:{port}.*`instep up`"):
        await ensure_reachable(connection)


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, three below one with a platform."""
    left_by_up(made(tmp_path / ".instep"), bootstrap_servers="x:1", security_protocol="PLAINTEXT")
    monkeypatch.chdir(made(tmp_path / "services/instep/cli"))
    return tmp_path


def made(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory


def test_a_command_finds_the_platform_above_it(below: Path) -> None:
    assert home({}) == below / ".instep"
    assert from_env({}).bootstrap_servers == "x:1"
    assert home({"INSTEP_HOME": "elsewhere"}) == Path("elsewhere")


def test_the_nearest_platform_counts_and_a_directory_without_one_is_passed_by(below: Path) -> None:
    made(Path.cwd() / ".instep/publishers")
    assert home({}) == below / ".instep"
    made(Path.cwd().parent / ".instep/secrets")
    assert home({}) == Path.cwd().parent / ".instep"
    made(Path.cwd() / ".instep/kafka")
    assert home({}) == Path(".instep")


def test_where_there_is_no_platform_it_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert home({}) == Path(".instep")
    (tmp_path / ".instep").touch()
    assert home({}) == Path(".instep")


def test_a_directory_of_another_user_above_is_not_trusted(
    below: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = (below / ".instep").stat().st_uid + 1
    monkeypatch.setattr("os.geteuid", lambda: stranger)
    assert home({}) == Path(".instep")
    with pytest.raises(NotConnectedError):
        from_env({})
