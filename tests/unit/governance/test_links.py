"""Links on the pages for newcomers lead somewhere, to headings too; commands on the README name files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
    *("services/README.md", "services/GLOSSARY.md", "services/decisions/README.md"),
    *("deploy/settings.md", "deploy/columns.md", "deploy/why.md", "deploy/demo/README.md"),
    *("deploy/guide/without-an-engineer.md", "deploy/guide/transcript.md"),
)


def headings(text: str) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    titles = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: str) -> None:
    file = ROOT / page
    links = re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8"))
    nowhere = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        if "://" in link or (target.exists() and not anchor):
            continue
        if not target.is_file() or anchor not in headings(target.read_text(encoding="utf-8")):
            nowhere.append(link)
    assert nowhere == []


def test_a_heading_is_found_by_its_anchor() -> None:
    assert headings("# Who may do what?\n```sh\n# no heading\n```\n## An event's way\n") == {
        "who-may-do-what",
        "an-events-way",
    }


def test_commands_of_the_readme_publish_files_that_are_there() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    files = re.findall(r"^instep publish (\S+)", page, re.MULTILINE)
    assert len(files) == 3, "the commands were found"
    assert [name for name in files if not (ROOT / name).is_file()] == []
