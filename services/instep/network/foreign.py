"""Files that are no plain text in UTF-8: Word and Excel files, Notepad's Unicode, an old Windows encoding. Pure."""

SAVE_AS = 'save it again as plain text with the encoding "UTF-8"'
_KINDS = (
    (b"\xef\xbb\xbf", "the file begins with a byte order mark: save it as UTF-8 without one (without BOM)"),
    (b"\xff\xfe", f"the file is UTF-16, which Notepad calls Unicode: {SAVE_AS}"),
    (b"\xfe\xff", f"the file is UTF-16, which Notepad calls Unicode: {SAVE_AS}"),
    (
        b"PK\x03\x04",
        f"the file is a Word, Excel or zip file and no text: copy its words into a text file, and {SAVE_AS}",
    ),
    (b"\xd0\xcf\x11\xe0", f"the file is an old Word or Excel file and no text: {SAVE_AS}"),
    (b"{\\rtf", f"the file is rich text, with fonts and colours: {SAVE_AS}"),
    (b"%PDF", "the file is a PDF and no text: write the agreement as plain text"),
)
_NAMES = {
    0x91: "a curly quotation mark",
    0x92: "a curly quotation mark",
    0x93: "a curly quotation mark",
    0x94: "a curly quotation mark",
    0x96: "a long dash",
    0x97: "a long dash",
    0xA0: "a non-breaking space",
    0xA3: "a pound sign",
}


def foreign(content: bytes) -> tuple[int, str] | None:
    """The line and a sentence, where the bytes of a file are no text in UTF-8; None for a text in UTF-8."""
    for begins, words in _KINDS:
        if content.startswith(begins):
            return 1, words
    if b"\0" in content[:4096] and content.count(b"\0") * 3 > len(content):
        return 1, f"the file is UTF-16, which Notepad calls Unicode: {SAVE_AS}"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        name = _NAMES.get(content[error.start], "a character")
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return before.count(
            b"\n"
        ) + 1, f"the file is not UTF-8, since this line holds {name} of another encoding: {SAVE_AS}"
    return None
