"""Texts that spreadsheets, terminals and XML take for something else."""

from hypothesis import strategies as st

HOSTILE = (
    "=1+1",
    "+44 20 7946 0000",
    "-5",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =cmd|' /C calc'!A0",
    "\ufeff=1",
    "\u200b=1",
    "\uff1d1",
    "'=1",
    "''@x",
    "'s-Hertogenbosch",
    "{=1}",
    "007",
    "100023336956",
    "1/2",
    "1E5",
    "TRUE",
    "#REF!",
    "http://example.org",
    "_x000D_",
    "_x005F_x000D_",
    "_x0041\x00",
    "<r></r>",
    '<r><t>a</t></r></is></c><c r="B2"><f>1+1</f></c><c><is><r><t>b</t></r>',
    "a\r\nb",
    "a\rb",
    "a\nb",
    " spaces ",
    "\x00nul",
    "\x1b[31mred",
    "\x9b31m",
    "\u202egnp",
    "\u2028",
    "\ufffe",
    "\U0001f600",
    '"quoted", and more',
    "<t>&amp;</t>",
    "",
)

_PIECES = st.sampled_from(
    ["<r>", "</r>", "_x005F", "_x000D_", "\r\n", *"=+-@'\"\t\r\n,;_x0D\ufeff\u200b\x00\x1b\ufffe <&"]
)

TEXTS = (
    st.sampled_from(HOSTILE)
    | st.lists(_PIECES | st.characters(codec="utf-8"), max_size=8).map("".join)
    | st.text(st.characters(codec="utf-8"), max_size=6).map(lambda text: f"<r>{text}</r>")
)
"""Any text that UTF-8 can carry; often a hostile one."""
