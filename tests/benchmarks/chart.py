"""A horizontal bar chart as SVG, by hand: names on the left, bars to scale, figures at their ends."""

from collections.abc import Sequence
from html import escape

_ROW = 28
_LEFT = 250
_BAR = 430
_RIGHT = 120
_TOP = 46


def bars(title: str, rows: Sequence[tuple[str, float, bool]]) -> str:
    """`rows` are name, value and whether the bar is one of ours, which have another colour."""
    most = max(value for _, value, _ in rows)
    width, height = _LEFT + _BAR + _RIGHT, _TOP + _ROW * len(rows) + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
        ' font-size="13" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="26" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, value, ours) in enumerate(rows):
        top = _TOP + _ROW * number
        length = max(1.0, value / most * _BAR)
        middle = top + 15
        lines += [
            f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="20" fill="{"#00703c" if ours else "#8a9299"}"/>',
            f'<text x="{_LEFT + length + 6:.1f}" y="{middle}">{value:,.0f}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
