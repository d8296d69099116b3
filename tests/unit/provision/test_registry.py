"""Schema ids from a registry: the requests, the ids that the network takes, and each way in which a registry can fail."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from instep.catalogue.files import default_directory, load_catalogue
from instep.errors import ConfigurationError, InstepError, NetworkError, NotConnectedError, SchemaError
from instep.events.schema import written_ids
from instep.local.certificates import CertificateAuthority
from instep.local.ports import free_ports
from instep.network.network import load
from instep.network.records import from_records
from instep.provision import registry_client
from instep.provision.plan import Cluster, allot, plan
from instep.provision.registry import agreed, lookup, register
from instep.provision.registry_client import RULE, Registry, from_env
from tests.schemas.evolution import evolved
from tests.unit.provision.fake_registry import Answer, FakeRegistry

CATALOGUE = load_catalogue(default_directory())
SCHEMAS = CATALOGUE.all()
PAIRS = tuple((schema.full_name, schema.version) for schema in SCHEMAS)
MOVED = next(schema for schema in SCHEMAS if schema.name == "resident-moved")
SAMPLE = load(Path(__file__).parents[3] / "deploy/network/sample")
PAIR = st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1.0.0", "1.1.0"]))
IDS = st.integers(min_value=1, max_value=30)


@pytest.fixture
async def fake() -> AsyncIterator[FakeRegistry]:
    async with FakeRegistry(first=101) as fake:
        yield fake


# -- the network's ids


def test_the_registrys_ids_are_written_with_and_the_older_ones_are_read_for_good() -> None:
    earlier = allot({}, PAIRS)
    ids = agreed(earlier, {pair: 100 + number for number, pair in earlier.items()})
    assert list(ids.values()) == [*PAIRS, *PAIRS]
    assert earlier.items() < ids.items()
    assert set(written_ids(CATALOGUE.bind(ids)).values()) == set(range(101, 101 + len(PAIRS)))


def test_a_registry_that_gives_the_ids_that_the_network_has_changes_nothing() -> None:
    earlier = allot({}, PAIRS)
    assert agreed(earlier, {pair: number for number, pair in earlier.items()}) == earlier


def test_without_a_registry_again_the_ids_that_it_gave_stay_those_that_are_written_with() -> None:
    cluster = Cluster(partitions={}, configs={}, records={})
    built_in = plan(SAMPLE, PAIRS, cluster)
    cluster = replace(cluster, records=_after(built_in.records, cluster.records))
    switched = plan(SAMPLE, PAIRS, cluster, {pair: 100 + place for place, pair in enumerate(PAIRS)})
    cluster = replace(cluster, records=_after(switched.records, cluster.records))
    back = plan(SAMPLE, PAIRS, cluster)
    assert back.records == {}
    written = written_ids(CATALOGUE.bind(from_records(cluster.records).schemas))
    assert min(written.values()) == 100
    newer = (*PAIRS, ("uk.instep.ResidentMoved", "9.0.0"))
    assert list(plan(SAMPLE, newer, cluster).records) == [f"schema/{100 + len(PAIRS)}"]


def test_what_the_registry_does_not_have_yet_has_no_id_and_makes_a_generation() -> None:
    cluster = Cluster(partitions={}, configs={}, records={})
    built_in = plan(SAMPLE, PAIRS[1:], cluster)
    cluster = replace(cluster, records=_after({**built_in.records, "generation": b"1"}, cluster.records))
    ids = {pair: number for number, pair in from_records(cluster.records).schemas.items()}
    planned = plan(SAMPLE, PAIRS, cluster, ids)
    assert (planned.generation, planned.records) == (2, {})


def _after(changes: Mapping[str, bytes | None], before: Mapping[str, bytes]) -> dict[str, bytes]:
    return {key: value for key, value in {**before, **changes}.items() if value is not None}


@given(st.dictionaries(IDS, PAIR), st.dictionaries(PAIR, IDS))
def test_no_id_ever_comes_to_mean_another_schema(
    earlier: dict[int, tuple[str, str]], given: dict[tuple[str, str], int]
) -> None:
    try:
        ids = agreed(earlier, given)
    except NetworkError:
        taken = list(given.items())
        assert any(earlier.get(number, pair) != pair for pair, number in taken) or len(
            set(given.values())
        ) < len(given)
        return
    assert earlier.items() <= ids.items()
    assert {number: pair for pair, number in given.items()}.items() <= ids.items()
    first: dict[tuple[str, str], int] = {}
    for number, pair in ids.items():
        first.setdefault(pair, number)
    assert given.items() <= first.items()


@pytest.mark.parametrize("number", [0, -1, 2**31, True, None, "7", 1.0])
def test_an_id_that_does_not_fit_is_refused(number: object) -> None:
    with pytest.raises(NetworkError, match=r"whole number from 1 to 2147483647: nothing is applied\.$"):
        agreed({}, {PAIRS[0]: number})  # type: ignore[dict-item]


# -- registering


async def test_every_schema_is_registered_under_its_full_name_with_the_rule_set_first(
    fake: FakeRegistry,
) -> None:
    registered = await register(Registry(url=fake.url), SCHEMAS, {})
    assert registered.new == PAIRS
    assert sorted(registered.ids.values()) == list(range(101, 101 + len(SCHEMAS)))
    assert fake.subjects.keys() == {schema.full_name for schema in SCHEMAS}
    assert set(fake.levels.values()) == {RULE}
    assert fake.levels.keys() == fake.subjects.keys()
    rules = [place for place, request in enumerate(fake.changes) if request.startswith("PUT")]
    assert rules == list(range(len(fake.subjects))), "every rule before anything is registered"


async def test_run_again_it_changes_nothing(fake: FakeRegistry) -> None:
    first = await register(Registry(url=fake.url), SCHEMAS, {})
    fake.asked.clear()
    again = await register(Registry(url=fake.url + "/"), SCHEMAS, agreed({}, first.ids))
    assert (again.ids, again.new) == (first.ids, ())
    assert fake.changes == []


async def test_looking_changes_nothing_and_says_what_is_missing(fake: FakeRegistry) -> None:
    fake.add(SCHEMAS[0].full_name, SCHEMAS[0].text)
    looked_up = await lookup(Registry(url=fake.url), SCHEMAS, {})
    assert (looked_up.ids, looked_up.new) == ({PAIRS[0]: 101}, PAIRS[1:])
    assert fake.changes == []


async def test_an_empty_registry_that_counts_from_one_gives_the_ids_that_the_network_has(
    tmp_path: Path,
) -> None:
    earlier = allot(allot({}, PAIRS), [("uk.instep.ResidentMoved", "1.1.0")])
    schemas = load_catalogue(evolved(tmp_path)).all()
    async with FakeRegistry(first=1) as fake:
        registered = await register(Registry(url=fake.url), schemas, earlier)
    assert agreed(earlier, registered.ids) == earlier


async def test_an_incompatible_version_is_one_sentence_and_nothing_is_registered(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    await register(Registry(url=fake.url), SCHEMAS, {})
    newer = load_catalogue(evolved(tmp_path)).all()
    fake.refused.add(MOVED.full_name)
    fake.asked.clear()
    with pytest.raises(SchemaError, match=r"uk\.instep\.ResidentMoved 1\.1\.0 by its rule FULL_TRANSITIVE"):
        await register(Registry(url=fake.url), newer, {})
    assert not [
        request
        for request in fake.asked
        if request.startswith("POST /subjects") and request.endswith("/versions")
    ]


async def test_a_refusal_that_comes_only_on_registering_says_the_same(fake: FakeRegistry) -> None:
    async def refuse(request: web.Request) -> web.Response | None:
        registering = request.path.startswith("/subjects") and request.path.endswith("/versions")
        return web.json_response({"error_code": 409}, status=409) if registering else None

    fake.answer = refuse
    with pytest.raises(
        SchemaError, match=r"uk\.instep\.BusinessRegistered 1\.0\.0 by its rule FULL_TRANSITIVE"
    ):
        await register(Registry(url=fake.url), SCHEMAS, {})


async def test_an_id_that_is_another_schemas_on_the_bus_is_refused(fake: FakeRegistry) -> None:
    earlier = {101: ("uk.instep.Gone", "1.0.0")}
    with pytest.raises(
        NetworkError, match=r"gives uk\.instep\.\w+ 1\.0\.0 the id 101, under which .* nothing"
    ):
        await register(Registry(url=fake.url), SCHEMAS, earlier)


@pytest.mark.parametrize("how", [register, lookup])
async def test_a_registry_that_holds_something_else_under_an_id_of_the_bus_is_refused(
    fake: FakeRegistry, how: object
) -> None:
    fake.add("somebody.Else", '{"type": "record", "name": "Else", "namespace": "somebody", "fields": []}')
    with pytest.raises(
        NetworkError, match=r"another schema under the id 101, which is uk\.instep\.ResidentMoved"
    ):
        await how(Registry(url=fake.url), SCHEMAS, {101: ("uk.instep.ResidentMoved", "1.0.0")})  # type: ignore[operator]
    assert fake.changes == []


@pytest.mark.parametrize("already", [True, False])
async def test_what_it_gives_out_by_id_must_be_what_was_registered(fake: FakeRegistry, already: bool) -> None:
    if already:
        await register(Registry(url=fake.url), SCHEMAS, {})
        fake.asked.clear()

    async def other(request: web.Request) -> web.Response | None:
        by_id = request.path.startswith("/schemas/ids/")
        return web.json_response({"schema": '{"type":"string"}'}) if by_id else None

    fake.answer = other
    with pytest.raises(NetworkError, match="but gives out another schema under it"):
        await register(Registry(url=fake.url), SCHEMAS, {})
    assert not already or fake.changes == []


async def test_a_user_and_a_secret_are_sent_as_basic_authentication(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    async def only_us(request: web.Request) -> web.Response | None:
        expected = "Basic " + base64.b64encode("öffice:s3cret".encode()).decode()
        return None if request.headers.get("Authorization") == expected else web.Response(status=401)

    fake.answer = only_us
    (tmp_path / "secret").write_text("s3cret\n")
    environ = {
        "INSTEP_REGISTRY_URL": fake.url,
        "INSTEP_REGISTRY_USERNAME": "öffice",
        "INSTEP_REGISTRY_PASSWORD_FILE": str(tmp_path / "secret"),
    }
    assert (await lookup(from_env(environ), SCHEMAS, {})).new == PAIRS
    assert "s3cret" not in repr(from_env(environ))
    with pytest.raises(ConfigurationError, match=r"does not let us in \(status 401\)"):
        await lookup(Registry(url=fake.url), SCHEMAS, {})


async def test_over_https_it_is_trusted_by_the_authority_that_the_operator_names_and_by_no_other(
    tmp_path: Path,
) -> None:
    authority = CertificateAuthority()
    authority.issue("registry", tmp_path / "registry.pem")
    authority.write(tmp_path / "ca.pem")
    CertificateAuthority().write(tmp_path / "other.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "registry.pem")
    async with FakeRegistry(tls=context) as fake:
        named = {"INSTEP_REGISTRY_URL": fake.url, "INSTEP_SSL_CA_FILE": str(tmp_path / "ca.pem")}
        assert (await lookup(from_env(named), SCHEMAS, {})).new == PAIRS
        for file in ("", str(tmp_path / "other.pem")):
            with pytest.raises(NotConnectedError, match="does INSTEP_SSL_CA_FILE hold its authority"):
                await lookup(from_env(named | {"INSTEP_SSL_CA_FILE": file}), SCHEMAS, {})


# -- something that is no registry, or a registry that fails


def answering(**response: object) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(**response)  # type: ignore[arg-type]

    return answer


HTML = {"text": "<html>Sign in</html>", "content_type": "text/html"}
WRONG: dict[str, tuple[Answer, type[InstepError], str]] = {
    "HTML": (answering(**HTML), ConfigurationError, "is no schema registry"),
    "HTML with 404": (answering(status=404, **HTML), ConfigurationError, "is no schema registry"),
    "404 of something else": (
        answering(status=404, text='{"error":"no route"}'),
        ConfigurationError,
        r"refuses to look up .* \(status 404\)",
    ),
    "a list": (answering(text="[]"), ConfigurationError, "is no schema registry"),
    "no id": (answering(text="{}"), NetworkError, "an id that is no whole number"),
    "an id of text": (answering(text='{"id": "5"}'), NetworkError, "an id that is no whole number"),
    "an id too large": (answering(text='{"id": 4294967296}'), NetworkError, "an id that is no whole number"),
    "deep nesting": (answering(text="[" * 100_000), ConfigurationError, "is no schema registry"),
    "not UTF-8": (answering(body=b'{"id": "\xff"}'), ConfigurationError, "is no schema registry"),
    "a flood": (
        answering(status=404, body=b'{"error_code": 40401}'.rjust(1 << 21)),
        ConfigurationError,
        "is no schema registry",
    ),
    "a redirect": (
        answering(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        ConfigurationError,
        r"sends us elsewhere \(status 302\)",
    ),
    "not permitted": (answering(status=403), ConfigurationError, "does not let us in"),
    "read-only": (
        answering(status=422, text='{"error_code":42205}'),
        ConfigurationError,
        r"refuses to look up .* \(status 422\)",
    ),
    "failing": (answering(status=503, **HTML), NotConnectedError, r"failed .* \(status 503\)"),
}


@pytest.mark.parametrize("mistake", WRONG)
async def test_what_is_wrong_with_a_registry_is_one_sentence_that_repeats_none_of_its_words(
    fake: FakeRegistry, mistake: str
) -> None:
    answer, error, message = WRONG[mistake]
    fake.answer = answer
    with pytest.raises(error, match=message) as raised:
        await register(Registry(url=fake.url), SCHEMAS, {})
    assert "<html>" not in str(raised.value)
    assert fake.changes == []


async def test_a_registry_that_is_down_is_one_sentence() -> None:
    (port,) = free_ports(1)
    with pytest.raises(NotConnectedError, match=r"cannot be reached .* Nothing is applied"):
        await register(Registry(url=f"http://127.0.0.1:{port}"), SCHEMAS, {})


async def test_a_registry_that_does_not_answer_is_given_up(
    fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        """Answers a byte at a time, for as long as somebody listens."""
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    fake.answer = drip
    monkeypatch.setattr(registry_client, "_ANSWER_WITHIN_S", 0.2)
    with pytest.raises(NotConnectedError, match=r"has not answered within 0\.2 s: nothing is applied"):
        await register(Registry(url=fake.url), SCHEMAS, {})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"REGISTRY_URL": "registry.example"},
            r"INSTEP_REGISTRY_URL, or registry in network\.toml, must be the URL",
        ),
        (
            {"REGISTRY_URL": "file:///etc/passwd"},
            r"INSTEP_REGISTRY_URL, or registry in network\.toml, must be the URL",
        ),
        (
            {"REGISTRY_URL": "http://[::1"},
            r"INSTEP_REGISTRY_URL, or registry in network\.toml, must be the URL",
        ),
        (
            {"REGISTRY_URL": "http://127.0.0.1:99999"},
            r"INSTEP_REGISTRY_URL, or registry in network\.toml, must be the URL",
        ),
        ({"REGISTRY_URL": "https://me:word@registry.example"}, "must hold no user name"),
        ({"REGISTRY_USERNAME": "me"}, "go together"),
        ({"REGISTRY_USERNAME": "a:b", "REGISTRY_PASSWORD_FILE": "/nowhere"}, "no colon"),
        ({"REGISTRY_USERNAME": "me", "REGISTRY_PASSWORD_FILE": "/nowhere"}, "PASSWORD_FILE cannot be read"),
        ({"REGISTRY_URL": "https://127.0.0.1:1", "SSL_CA_FILE": "/nowhere"}, "INSTEP_SSL_CA_FILE"),
    ],
)
async def test_a_setting_that_cannot_be_used_is_named(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        await lookup(from_env({f"INSTEP_{name}": value for name, value in settings.items()}), SCHEMAS, {})


async def test_a_secret_is_never_sent_in_plaintext_over_a_network() -> None:
    with pytest.raises(ConfigurationError, match=r"must begin with https where a password is sent"):
        await lookup(Registry(url="http://registry.example", username="me", password="x"), SCHEMAS, {})


def test_the_text_that_is_registered_is_the_file_in_one_line() -> None:
    for schema in SCHEMAS:
        assert json.loads(schema.text) == schema.definition
        assert "\n" not in schema.text
