"""A document of headings, paragraphs and lists, as a plain letter or as a page of HTML. Pure.

Text from a network's directory is never markup, and never moves a cursor: control characters are shown as escapes, and HTML
is escaped. The page needs nothing from elsewhere.
"""

import html
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

WIDTH = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """A heading; `level` 1 is the document's own."""

    text: str
    level: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph:
    """A paragraph of running text."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """A list with bullets."""

    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Labels, each with its value."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Signatures:
    """A place for the signature of each name."""

    names: tuple[str, ...]


Block = Heading | Paragraph | Items | Rows | Signatures

_STYLE = (
    "body{font-family:Arial,sans-serif;max-width:44em;margin:2em auto;padding:0 1em;line-height:1.5;color:#0b0c0c}"
    "th{text-align:left;vertical-align:top;padding-right:1.5em;font-weight:bold}td{vertical-align:top}"
    ".sign td{border-bottom:1px solid;height:3em;min-width:14em}"
)


def as_letter(blocks: Iterable[Block]) -> str:
    """The document as plain text of 80 columns."""
    return "\n\n".join("\n".join(_lines(block)) for block in blocks) + "\n"


def as_html(blocks: Iterable[Block]) -> str:
    """The document as a page of HTML by itself, titled by its first heading."""
    parts = list(blocks)
    title = next((block.text for block in parts if isinstance(block, Heading)), "")
    body = "\n".join(map(_element, parts))
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_escaped(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(text=text, level=level):
            yield from (shown := _wrapped(text))
            yield ("=" if level == 1 else "-") * max(map(len, shown), default=0)
        case Paragraph(text=text):
            yield from _wrapped(text)
        case Items(items=items):
            for item in items:
                yield from _wrapped(item, first="- ", rest="  ")
        case Rows(rows=rows):
            for label, value in rows:
                yield from _wrapped(f"{label}: {value}", rest="    ")
        case Signatures(names=names):
            for name in names:
                yield from (*_wrapped(f"For {name}:"), "", f"    {'_' * 40}  Date: {'_' * 12}", "")
        case _:
            assert_never(block)


def _element(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return f"<h{level}>{_escaped(text)}</h{level}>"
        case Paragraph(text=text):
            return f"<p>{_escaped(text)}</p>"
        case Items(items=items):
            return "<ul>\n" + "".join(f"<li>{_escaped(item)}</li>\n" for item in items) + "</ul>"
        case Rows(rows=rows):
            cells = (
                f'<tr><th scope="row">{_escaped(label)}</th><td>{_escaped(value)}</td></tr>\n'
                for label, value in rows
            )
            return f"<table>\n{''.join(cells)}</table>"
        case Signatures(names=names):
            cells = (
                f'<tr><th scope="row">For {_escaped(name)}</th><td>Signature:</td><td>Date:</td></tr>\n'
                for name in names
            )
            return f'<table class="sign">\n{"".join(cells)}</table>'
        case _:
            assert_never(block)


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        printable(text), WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )


def _escaped(text: str) -> str:
    return html.escape(printable(text))


def printable(text: str) -> str:
    """The text with control and other invisible characters as escapes; letters of every language stay."""
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character)[0] == "C"
        else character
        for character in text
    )
