"""The problems that `check` reports, and their lines."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from instep.catalogue.files import load_catalogue
from instep.errors import NetworkError
from instep.network.check import check, check_against
from instep.network.network import load
from instep.network.problems import Problem
from instep.network.settings import LEAST_DAYS
from instep.router.memory import KEPT_MS

ROOT = Path(__file__).parents[3]
CATALOGUE = load_catalogue(ROOT / "schemas")
TODAY = date(2026, 11, 23)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A copy of the sample network, to be spoilt."""
    shutil.copytree(ROOT / "deploy/network/sample", tmp_path / "sample")
    return tmp_path / "sample"


def _errors(network: Path) -> list[Problem]:
    return [problem for problem in check(network, CATALOGUE, TODAY) if problem.severity == "error"]


def _warnings(network: Path) -> list[str]:
    return [problem.message for problem in check(network, CATALOGUE, TODAY) if problem.severity == "warning"]


def _spoil(network: Path, name: str, pattern: str, replacement: str) -> None:
    file = network / name
    text = file.read_text(encoding="utf-8")
    spoilt, count = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
    assert count == 1, f"{pattern} is not in {name}"
    file.write_text(spoilt, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("agreements/deep.toml", "id = " + "[" * 20_000, "this is nested too deeply to be read"),
        (
            "agreements/large.toml",
            "# a comment\n" * 400_000,
            "the file is larger than 4 MiB, so it is not read",
        ),
        ("agreements/council-tax.TOML", "", "only agreements belong here"),
        ("authorities.csv", "x" * (5 << 20), "the file is larger than 4 MiB, so it is not read"),
    ],
)
def test_what_is_no_honest_file_is_told_and_read_no_further(
    network: Path, name: str, text: str, words: str
) -> None:
    (network / name).write_text(text, encoding="utf-8")
    (message,) = [problem.message for problem in _errors(network) if problem.file.endswith(name)]
    assert message.startswith(words)


def test_what_is_no_file_at_all_is_not_opened(network: Path) -> None:
    (network / "agreements" / "endless.toml").symlink_to("/dev/zero")
    (network / "agreements" / "folder.toml").mkdir()
    assert [problem.message for problem in _errors(network)] == ["this is no file"] * 2


def test_an_id_that_is_a_path_leads_nowhere(network: Path) -> None:
    _spoil(network, AGREEMENT, r"^id = .*", 'id = "../../etc/passwd"')
    (problem, *_) = _errors(network)
    assert (Path(problem.file).name, problem.line) == ("council-tax.toml", 4)


def test_the_sample_has_no_error_and_two_warnings(network: Path) -> None:
    assert _errors(network) == []
    assert _warnings(network) == [
        "leeds has not approved, so it neither sends nor receives under this agreement",
        "it runs out on 2026-12-18 (days left: 25)",
    ]


AGREEMENT = "agreements/council-tax.toml"
PLACEMENT = "agreements/placement-notices.toml"


@pytest.mark.parametrize(
    ("name", "pattern", "replacement", "words"),
    [
        (
            "network.toml",
            "placements",
            "council-taxes",
            "leeds receives nothing for 'council-taxes' under any agreement",
        ),
        (AGREEMENT, "^purpose = ", "purpse = ", "purpse is not known here (did you mean purpose?)"),
        (AGREEMENT, "^event = ", "evnt = ", "evnt is not known here (did you mean event?)"),
        (
            AGREEMENT,
            '"active"',
            '"activ"',
            "status is 'activ', which is not active, suspended or ended (did you mean active?)",
        ),
        (AGREEMENT, "^version = 2", "version = 0", "version must be 1 or more"),
        (AGREEMENT, "^retention_days = 730", "retention_days = 0", "retention_days must be 1 or more"),
        (AGREEMENT, '^dpia = ".*"', 'dpia = " "', "dpia is empty"),
        (
            AGREEMENT,
            '^id = "council-tax"',
            'id = "council-taxes"',
            "id is 'council-taxes', but the file is council-tax.toml",
        ),
        (
            AGREEMENT,
            '^purpose = "council-tax"',
            'purpose = "Council tax"',
            "purpose 'Council tax' must be 2 to 41 lower-case letters, digits and hyphens, the first a letter:"
            " write council-tax",
        ),
        (AGREEMENT, '^purpose = "council-tax"', 'purpose = "instep"', "purpose 'instep' is reserved"),
        (
            AGREEMENT,
            "^review_by = 2027-03-31",
            "review_by = 2026-03-31",
            "review_by is before effective_from",
        ),
        (
            AGREEMENT,
            '"resident-moved"',
            '"resident-move"',
            "the event 'resident-move' is not known (did you mean resident-moved?)",
        ),
        (
            AGREEMENT,
            '"old_address"',
            '"old_addres"',
            "resident-moved has no field 'old_addres' (did you mean old_address?)",
        ),
        (AGREEMENT, '"old_address"', '"new_address"', "new_address is named twice"),
        (
            AGREEMENT,
            '"old_address"',
            '"header.source"',
            "the header is part of every event and is not named",
        ),
        (AGREEMENT, r"^fields = \[[^]]*\]", "fields = []", "fields is empty"),
        (AGREEMENT, r"^change_kinds = .*", "change_kinds = []", "change_kinds is empty"),
        (AGREEMENT, r"^recipients = \[[^]]*\]", "recipients = []", "recipients is empty"),
        (
            PLACEMENT,
            "^special_category_condition = .*",
            "",
            "placement is special category data, so special_category_condition must be given",
        ),
        (PLACEMENT, '"leeds",', '"leeds", "leeds",', "leeds is among the recipients twice"),
        (
            PLACEMENT,
            'authority = "leeds", by = "Caldicott Guardian", on = 2026-03-16',
            'authority = "leeds", by = "Caldicott Guardian", on = 2028-03-16',
            "leeds approved after review_by",
        ),
        ("network.toml", "^lanes = 4", "lanes = 0", "lanes must be 1 or more"),
        (
            "network.toml",
            '"sample"',
            '"My sample"',
            "name is 'My sample'; write it in lower-case letters, digits, hyphens",
        ),
        ("network.toml", "^events = 7", "event = 7", "event is not known here (did you mean events?)"),
        ("network.toml", "^events = 7", "events = 0", "events must be 1 or more"),
        (
            "network.toml",
            "^lanes = 4",
            "min_insync_replicas = 2\nlanes = 4",
            "min_insync_replicas is more than replication_factor",
        ),
        ("authorities.csv", "^lambeth,", "instep,", "instep: the id 'instep' is reserved"),
        (
            "authorities.csv",
            "E08000035",
            "E0800003",
            "leeds: the gss 'E0800003' is not a code such as E08000035",
        ),
        ("authorities.csv", "E08000035", "E08000038", "leeds: E08000038 is the code of barnsley already"),
        (
            "authorities.csv",
            "london-borough",
            "london-boro",
            "camden: the tier 'london-boro' is not known (did you mean london-borough?)",
        ),
        (
            "authorities.csv",
            "district,derbyshire,",
            "district,derbyshir,",
            "bolsover: its parent 'derbyshir' is not in authorities.csv (did you mean derbyshire?)",
        ),
        (
            "authorities.csv",
            "district,derbyshire,",
            "district,leeds,",
            "bolsover: its parent leeds is not a county",
        ),
        (
            "authorities.csv",
            "2023-03-31,north-yorkshire$",
            "2023-03-31,north-yorks",
            "harrogate: its successor 'north-yorks' is not in authorities.csv (did you mean north-yorkshire?)",
        ),
        (
            "authorities.csv",
            "1974-04-01,2023-03-31",
            "1974-04-01,1973-03-31",
            "harrogate: valid_to is before valid_from",
        ),
        ("authorities.csv", "2023-03-31,north", ",north", "harrogate: it is replaced but has no valid_to"),
        ("authorities.csv", "Leeds City Council", "", "leeds: the name is empty"),
        (
            "gss_aliases.csv",
            "barnsley",
            "barnsly",
            "'barnsly' is not in authorities.csv (did you mean barnsley?)",
        ),
        ("gss_aliases.csv", "E08000038", "E08000039", "the code of barnsley is E08000038, not E08000039"),
        (
            "gss_aliases.csv",
            "E08000016",
            "E08000035",
            "E08000035 is the code of leeds today, so it is nobody's former code",
        ),
    ],
)
def test_an_error_is_one_sentence_at_the_line_that_is_wrong(
    network: Path, name: str, pattern: str, replacement: str, words: str
) -> None:
    before = (network / name).read_text(encoding="utf-8").splitlines()
    _spoil(network, name, pattern, replacement)
    after = (network / name).read_text(encoding="utf-8").splitlines()
    changed = next(n for n, line in enumerate(after) if line != before[n]) + 1
    by_message = {problem.message: problem for problem in _errors(network)}
    assert words in by_message
    assert by_message[words].file == str(network / name)
    if replacement:  # without a replacement the line is gone, and the problem names the line that needs it
        assert by_message[words].line == changed


def test_each_of_many_errors_is_found(network: Path) -> None:
    _spoil(network, AGREEMENT, '"old_address"', '"olde_address"')
    _spoil(network, AGREEMENT, '"group_ref"', '"group_reference"')
    _spoil(network, PLACEMENT, "^version = 1", "version = -1")
    _spoil(network, "network.toml", "^lanes = 4", "lanes = -4")
    assert len(_errors(network)) == 4


def test_a_party_that_nobody_knows_is_named_with_the_nearest(network: Path) -> None:
    _spoil(network, AGREEMENT, '    "high-peak",', '    "hihg-peak",')
    (problem,) = _errors(network)
    assert problem.message == "'hihg-peak' is not in authorities.csv (did you mean high-peak?)"
    assert problem.line == 22


def test_a_party_merged_away_is_an_error_that_names_its_successor(network: Path) -> None:
    _spoil(network, AGREEMENT, '    "high-peak",', '    "harrogate",')
    (problem,) = _errors(network)
    assert problem.message == "harrogate ended on 2023-03-31; north-yorkshire came after it"


def test_an_ended_agreement_may_name_a_party_merged_away(network: Path) -> None:
    _spoil(network, AGREEMENT, '    "high-peak",', '    "harrogate",')
    _spoil(network, AGREEMENT, '"active"', '"ended"')
    assert _errors(network) == []


def test_who_has_approved_but_is_no_party_is_an_error(network: Path) -> None:
    _spoil(network, AGREEMENT, 'authority = "lambeth"', 'authority = "derbyshire"')
    (problem,) = _errors(network)
    assert problem.message == "derbyshire has approved but is no party"
    assert problem.line == 47
    assert "lambeth has not approved, so it neither sends nor receives under this agreement" in _warnings(
        network
    )


def test_the_second_of_two_shares_is_the_one_named(network: Path) -> None:
    file = network / AGREEMENT
    text = file.read_text(encoding="utf-8")
    share = (
        '\n[[share]]\nevent = "business-registered"\nchange_kinds = ["NEW"]\nfields = [\n  "statuss",\n]\n'
    )
    file.write_text(text + share, encoding="utf-8")
    (problem,) = _errors(network)
    assert problem.line == len(text.splitlines()) + 6
    assert problem.message == "business-registered has no field 'statuss' (did you mean status?)"


def test_one_id_in_two_files_is_an_error(network: Path) -> None:
    shutil.copy(network / AGREEMENT, network / "agreements/another.toml")
    assert {problem.message for problem in _errors(network)} == {
        "council-tax is the id of council-tax.toml already",
        "id is 'council-tax', but the file is another.toml",
    }


def test_an_only_party_has_nobody_to_share_with(network: Path) -> None:
    name = "agreements/derbyshire-trading-standards.toml"
    _spoil(network, name, "^sources = .*", 'sources = ["derbyshire"]')
    assert "its only source is its only recipient" in {problem.message for problem in _errors(network)}


@pytest.mark.parametrize(
    ("review_by", "words"),
    [
        ("2026-11-22", "its review is overdue since 2026-11-22, and nothing flows"),
        ("2026-11-23", "it runs out on 2026-11-23 (days left: 0)"),
        ("2027-01-22", "it runs out on 2027-01-22 (days left: 60)"),
    ],
)
def test_a_review_that_is_due_within_sixty_days_or_overdue_is_a_warning(
    network: Path, review_by: str, words: str
) -> None:
    _spoil(network, PLACEMENT, "^review_by = .*", f"review_by = {review_by}")
    assert _errors(network) == []
    assert words in _warnings(network)


def test_a_review_in_sixty_one_days_is_no_warning(network: Path) -> None:
    _spoil(network, PLACEMENT, "^review_by = .*", "review_by = 2027-01-23")
    assert len(_warnings(network)) == 2


def test_a_party_whose_end_is_announced_is_a_warning(network: Path) -> None:
    _spoil(
        network, "authorities.csv", "derbyshire,1974-04-01,,", "derbyshire,1974-04-01,2026-12-31,derbyshire"
    )
    assert _errors(network) == []
    assert "bolsover ends on 2026-12-31, before review_by" in _warnings(network)


def test_a_parent_above_itself_and_a_successor_of_itself_are_errors(network: Path) -> None:
    _spoil(network, "authorities.csv", "E10000007,county,,", "E10000007,county,derbyshire,")
    _spoil(network, "authorities.csv", "2023-03-31,north-yorkshire$", "2023-03-31,north-yorkshire-county")
    _spoil(network, "authorities.csv", "2023-03-31,north-yorkshire$", "2023-03-31,harrogate")
    assert {problem.message for problem in _errors(network)} >= {
        "derbyshire: it is above itself, by its parents",
        "harrogate: it replaces itself, by its successors",
        "north-yorkshire-county: it replaces itself, by its successors",
    }


def test_what_is_not_toml_or_not_there_is_said_with_its_line(network: Path) -> None:
    _spoil(network, AGREEMENT, "^version = 2", "version = two")
    (network / "network.toml").unlink()
    (network / PLACEMENT).write_bytes(b'id = "\xff"\n')
    by_file = {Path(problem.file).name: problem for problem in _errors(network)}
    assert by_file["council-tax.toml"].line == 5
    words = "the value of version cannot be read: write a whole number behind the equals sign"
    assert by_file["council-tax.toml"].message == words
    assert by_file["network.toml"].message == "the file is missing"
    assert by_file["placement-notices.toml"].message.startswith("the file is not UTF-8")


def test_a_problem_prints_as_editors_read_it() -> None:
    problem = Problem(file="a.toml", line=3, message="it is wrong", severity="warning")
    assert str(problem) == "a.toml:3: warning: it is wrong"


@pytest.mark.parametrize(
    ("name", "pattern", "replacement", "words"),
    [
        (
            "authorities.csv",
            "^leeds,(.*)",
            r"leeds,\1\nl33ds,Another,E08000999,metropolitan,,1974-04-01,,",
            "l33ds: it would be taken for leeds: choose an id that cannot",
        ),
        (
            "authorities.csv",
            "^camden,(.*)",
            r"camden,\1\ncarnden,Another,E08000999,metropolitan,,1974-04-01,,",
            "carnden: it would be taken for camden: choose an id that cannot",
        ),
        (
            "authorities.csv",
            "unitary,,2023-04-01",
            "unitary,,2023-04-02",
            "harrogate: its successor north-yorkshire begins on 2023-04-02, later than the day after 2023-03-31:"
            " on the days between the area is nobody's",
        ),
        (
            "authorities.csv",
            "unitary,,2023-04-01,,",
            "unitary,,2019-04-01,2023-03-31,leeds",
            "harrogate: its successor north-yorkshire ends on 2023-03-31, no later than itself",
        ),
        (
            AGREEMENT,
            "^retention_days = 730",
            "retention_days = 36526",
            "retention_days is 36526, more than a hundred years",
        ),
        (
            PLACEMENT,
            '^purpose = "placements"',
            'purpose = "c0uncil-tax"',
            "purpose 'c0uncil-tax' would be taken for 'council-tax': choose one that cannot",
        ),
    ],
)
def test_what_would_mislead_is_an_error(
    network: Path, name: str, pattern: str, replacement: str, words: str
) -> None:
    _spoil(network, name, pattern, replacement)
    assert words in {problem.message for problem in _errors(network) if problem.file.endswith(name)}


@pytest.mark.parametrize(("days", "warned"), [(2562, False), (2563, True), (36525, True)])
def test_more_than_seven_years_is_a_warning_up_to_a_hundred(network: Path, days: int, warned: bool) -> None:
    _spoil(network, AGREEMENT, "^retention_days = 730", f"retention_days = {days}")
    words = f"retention_days is {days}, more than seven years: the dpia should say why"
    assert (words in _warnings(network)) == warned
    assert _errors(network) == []


def test_an_ended_authority_without_successor_and_a_figure_within_an_id_are_warnings(network: Path) -> None:
    row = "w3st-riding,West Riding,E10000999,county,,1974-04-01,1986-03-31,\n"
    with (network / "authorities.csv").open("a", encoding="utf-8") as file:
        file.write(row)
    assert _errors(network) == []
    assert {
        "w3st-riding: the id reads like 'west-riding'",
        "w3st-riding: it ends on 1986-03-31 and nobody replaces it, so nobody is told of what concerns its area",
    } <= set(_warnings(network))


def test_the_same_agreement_under_a_second_id_is_told_once_and_names_both(network: Path) -> None:
    text = (network / AGREEMENT).read_text("utf-8")
    second = network / "agreements/tax-too.toml"
    second.write_text(text.replace('id = "council-tax"', 'id = "tax-too"', 1), "utf-8")
    problems = [
        problem for problem in check(network, CATALOGUE, TODAY) if "council-tax.toml" in problem.message
    ]
    places = [(Path(problem.file).name, problem.line, problem.severity) for problem in problems]
    assert places == [("tax-too.toml", 4, "warning")]
    assert problems[0].message.startswith("it says the same as council-tax.toml, under a second id")


def test_an_agreement_that_adds_nothing_is_told_and_one_that_adds_a_field_is_not(network: Path) -> None:
    text = (network / AGREEMENT).read_text("utf-8").replace('id = "council-tax"', 'id = "less"', 1)
    less = network / "agreements/less.toml"
    less.write_text(text.replace('"old_address"', '"old_address.postcode"'), "utf-8")
    words = "what it shares of resident-moved is shared by council-tax.toml already, for the same purpose: it adds nothing"
    assert words in _warnings(network)
    less.write_text(text.replace('"old_address"', '"contact"'), "utf-8")
    assert _errors(network) == []
    assert words not in _warnings(network)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("leeds,Leeds City Council,E08000035,metropolitan,,1974-13-01,,", "valid_from is '1974-13-01'"),
        ("leeds,Leeds City Council,E08000035,metropolitan,,1974-04-01,", "7 columns where there should be 8"),
        ("Leeds,Leeds City Council,E08000035,metropolitan,,1974-04-01,,", "Leeds: the id 'Leeds' must be"),
    ],
)
def test_a_faulty_row_is_one_error_and_not_one_for_each_agreement_that_names_it(
    network: Path, row: str, words: str
) -> None:
    _spoil(network, "authorities.csv", "^leeds,.*", row)
    (problem,) = _errors(network)
    assert problem.message.startswith(words)
    assert problem.line == 10


def test_faulty_columns_or_no_file_are_one_error_too(network: Path) -> None:
    _spoil(network, "authorities.csv", "^authority,", "authorities,")
    assert [problem.message.partition(" must")[0] for problem in _errors(network)] == ["the columns"]
    (network / "authorities.csv").unlink()
    assert [problem.message for problem in _errors(network)] == ["the file is missing"]


def test_beside_a_faulty_row_a_party_that_nobody_knows_is_still_told(network: Path) -> None:
    _spoil(network, "authorities.csv", "^leeds,.*", "leeds,too few")
    _spoil(network, AGREEMENT, '    "high-peak",', '    "hihg-peak",')
    assert len(_errors(network)) == 2


@pytest.mark.parametrize(
    ("key", "usual", "days", "words"),
    [
        (
            "register",
            400,
            399,
            "register is 399, which must be 400 or more: the router remembers for 400 days",
        ),
        ("register", 400, 30, "register is 30, which must be 400 or more: the router remembers for 400 days"),
        ("events", 7, 6, "events is 6, which must be 7 or more: the alert for unread records"),
        ("tenants", 35, 6, "tenants is 6, which must be 7 or more: the alert for unread records"),
    ],
)
def test_retention_below_what_a_promise_needs_is_refused_at_its_line(
    network: Path, key: str, usual: int, days: int, words: str
) -> None:
    _spoil(network, "network.toml", f"^{key} = {usual}", f"{key} = {days}")
    (problem,) = _errors(network)
    lines = (network / "network.toml").read_text(encoding="utf-8").splitlines()
    assert lines[problem.line - 1].startswith(f"{key} = {days}")
    assert problem.message.startswith(words)
    with pytest.raises(NetworkError, match=key):
        load(network)


@pytest.mark.parametrize(
    ("key", "usual", "days"), [("register", 400, 401), ("events", 7, 8), ("tenants", 35, 400)]
)
def test_longer_retention_is_nobodys_problem(network: Path, key: str, usual: int, days: int) -> None:
    before = check(network, CATALOGUE, TODAY)
    _spoil(network, "network.toml", f"^{key} = {usual}", f"{key} = {days}")
    assert check(network, CATALOGUE, TODAY) == before


def test_tenants_records_that_are_kept_for_less_than_a_month_are_warned_of(network: Path) -> None:
    _spoil(network, "network.toml", "^tenants = 35", "tenants = 7")
    assert _errors(network) == []
    assert any(words.startswith("tenants is 7, less than 35") for words in _warnings(network))


def test_the_register_is_kept_as_long_as_the_router_remembers() -> None:
    assert LEAST_DAYS["register"][0] * 86_400_000 == KEPT_MS


@pytest.mark.parametrize("name", ["authorities.csv", "network.toml", AGREEMENT])
def test_a_byte_order_mark_is_called_by_its_name(network: Path, name: str) -> None:
    file = network / name
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    (problem,) = _errors(network)
    assert (problem.file, problem.line) == (str(file), 1)
    assert "byte order mark" in problem.message


def test_what_is_printed_cannot_fool_a_terminal(network: Path) -> None:
    _spoil(network, AGREEMENT, '    "leeds",', '    "l\u0435eds",')
    assert r"'l\u0435eds' is not in authorities.csv (did you mean leeds?)" in "\n".join(
        map(str, _errors(network))
    )
    _spoil(network, AGREEMENT, "^dpia", '"\\\\u001b[2Jdpia"')
    assert "\x1b" in "".join(problem.message for problem in _errors(network))
    printed = "\n".join(map(str, _errors(network)))
    assert printed.isascii()
    assert "\x1b" not in printed
    assert r"\x1b[2Jdpia is not known here" in printed


def test_against_an_earlier_checkout_a_changed_agreement_needs_a_new_version(network: Path) -> None:
    before = ROOT / "deploy/network/sample"
    assert check_against(network, before) == []
    _spoil(network, AGREEMENT, '"active"', '"suspended"')
    (problem,) = check_against(network, before)
    assert problem.message == ("council-tax: status changed, but its version is still 2: write version = 3")
    assert (Path(problem.file).name, problem.line) == ("council-tax.toml", 5)
    _spoil(network, AGREEMENT, "^version = 2", "version = 3")
    assert check_against(network, before) == []
    (back,) = check_against(before, network)
    assert "a version never goes back" in back.message


@pytest.mark.parametrize(
    ("right", "written", "words"),
    [
        (
            "= 2026-04-01",
            '= "01/11/2026"',
            "effective_from must be a date such as 2026-04-01: write effective_from = 2026-11-01",
        ),
        ("protected = false", 'protected = "Yes"', "protected must be true or false: write protected = true"),
        ("protected = false", "protected = 0", "protected must be true or false: write protected = false"),
        ("version = 2", "version = 2.0", "version must be a whole number: write version = 2"),
        ("= 730", '= "730 days"', "retention_days must be a whole number: write retention_days = 730"),
        ("= 730", '= "2 years"', "retention_days must be a whole number"),
        ('= "DPIA-2026-011"', "= 11", 'dpia must be a text: write dpia = "11"'),
        (
            '= "10 working days"',
            "= 10",
            'respond_within must be a text: write respond_within = "10 days" or respond_within = "10 working days"',
        ),
        (
            '["NEW", "CORRECT", "ANNUL", "REFRESH"]',
            '"NEW and CORRECT"',
            'change_kinds must be a list of texts: write change_kinds = ["NEW", "CORRECT"]',
        ),
        (
            '"active"',
            '"Active"',
            "status is 'Active', which is not active, suspended or ended (did you mean active?)",
        ),
        (
            '"NEW"',
            '"new"',
            "change_kinds is 'new', which is not NEW, CORRECT, ANNUL or REFRESH (did you mean NEW?)",
        ),
        (
            "[[share]]",
            "[share]",
            "share must be a list of tables: write the heading [[share]], in two pairs of"
            " square brackets, above the lines of each share",
        ),
        (
            "effective_from =",
            "Effective_From =",
            "Effective_From is not known here (did you mean effective_from?)",
        ),
        (
            '    "camden",',
            '    "London Borough of Camden",',
            "'London Borough of Camden' is not in authorities.csv: write camden",
        ),
        (
            '    "camden",',
            '    "Camden Council",',
            "'Camden Council' is not in authorities.csv: write camden",
        ),
        ('    "camden",', '    "E09000007",', "'E09000007' is not in authorities.csv: write camden"),
        ('    "camden",', '    "Camden ",', "'Camden ' is not in authorities.csv: write camden"),
        ('    "camden",', '    "Camdem",', "'Camdem' is not in authorities.csv (did you mean camden?)"),
        (
            'authority = "camden"',
            'authority = "Camden Council"',
            "Camden Council has approved but is no party: write camden",
        ),
        (
            '"resident-moved"',
            '"Residents moved"',
            "the event 'Residents moved' is not known (did you mean resident-moved?)",
        ),
        (
            '"person.title"',
            '"Person.Title"',
            "resident-moved has no field 'Person.Title': write person.title",
        ),
        (
            '"person.given_names"',
            '"Given names"',
            "resident-moved has no field 'Given names' (did you mean"
            " person.given_names or placement.applicant.given_names?)",
        ),
        (
            '"moved_on"',
            '"The day of the move"',
            "resident-moved has no field 'The day of the move': write moved_on",
        ),
        (
            '"council-tax"\nversion',
            '"Council_Tax"\nversion',
            "id 'Council_Tax' must be 2 to 41 lower-case letters, digits"
            " and hyphens, the first a letter: write council-tax",
        ),
    ],
)
def test_a_value_as_people_write_it_gets_the_value_to_write(
    network: Path, right: str, written: str, words: str
) -> None:
    file = network / AGREEMENT
    text = file.read_text("utf-8")
    assert right in text
    file.write_text(text.replace(right, written, 1), "utf-8")
    by_message = {problem.message: problem for problem in _errors(network)}
    assert words in by_message
    if right != "[[share]]":
        assert by_message[words].line == text[: text.index(right)].count("\n") + 1


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("\ufeffid".encode(), 1, "the file begins with a byte order mark: save it as UTF-8 without one"),
        ("id = 1".encode("utf-16"), 1, "the file is UTF-16, which Notepad calls Unicode: save it again"),
        ("id = 1".encode("utf-16-le"), 1, "the file is UTF-16"),
        (
            b"# one\r\nid = \x93council-tax\x94",
            2,
            "the file is not UTF-8, since this line holds a curly quotation mark",
        ),
        (
            b"# one\r# \xa3 5",
            2,
            "the file is not UTF-8, since this line holds a pound sign of another encoding",
        ),
        (b"PK\x03\x04rest", 1, "the file is a Word, Excel or zip file and no text"),
        (b"{\\rtf1\\ansi id}", 1, "the file is rich text"),
        (b"%PDF-1.7", 1, "the file is a PDF"),
    ],
)
def test_a_file_of_another_program_is_named_as_such(
    network: Path, content: bytes, line: int, words: str
) -> None:
    (network / AGREEMENT).write_bytes(content)
    (problem,) = [problem for problem in _errors(network) if problem.file.endswith(AGREEMENT)]
    assert problem.line == line
    assert problem.message.startswith(words)


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_the_line_ends_of_windows_and_of_old_macs_are_sound(network: Path, ends: str) -> None:
    file = network / AGREEMENT
    file.write_bytes(file.read_bytes().replace(b"\n", ends.encode()))
    assert _errors(network) == []
    assert load(network).agreements["council-tax"].version == 2
    file.write_bytes(file.read_bytes().replace(b'"active"', b"active"))
    assert [problem.line for problem in _errors(network)] == [6]


def test_a_name_with_txt_behind_is_no_agreement_and_says_its_right_name(network: Path) -> None:
    (network / "agreements/new.toml.txt").write_text("", "utf-8")
    (problem,) = _errors(network)
    assert problem.message.endswith("this one is not read, so name it new.toml")
