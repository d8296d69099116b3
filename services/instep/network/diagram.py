"""The diagram: flows as a Mermaid flowchart, for GitHub and many wikis. Nothing flows along a dotted arrow."""

from collections.abc import Iterator, Sequence

from instep.network.flows import ACTIVE, Flow
from instep.network.problems import plainly

FEW = 10
"""The most authorities of a flow that have a box each. More authorities share a box with their number."""


def flowchart(flows: Sequence[Flow]) -> Iterator[str]:
    """The lines of the chart: sources, what the agreement shares with them, recipients."""
    yield "flowchart LR"
    boxes: dict[tuple[str, tuple[str, ...]], str] = {}
    for number, flow in enumerate(flows):
        arrow = "-->" if flow.standing == ACTIVE else "-.->"
        reason = "" if flow.standing == ACTIVE else f"<br>{flow.standing}"
        label = f"{_label(flow.agreement)}<br>{_label(flow.purpose)}: {_label(flow.event)}{reason}"
        yield f'  flow{number}["{label}"]'
        for side, parties in (("sources", flow.sources), ("recipients", flow.recipients)):
            for group in [(name,) for name in parties] if len(parties) <= FEW else [parties]:
                # A source that is also a recipient has two boxes, or arrows would run in circles.
                if (side, group) not in boxes:
                    boxes[side, group] = f"{side}{len(boxes)}"
                    shown = group[0] if len(group) == 1 else f"{len(group)} councils"
                    yield f'  {boxes[side, group]}(["{_label(shown)}"])'
                box = boxes[side, group]
                yield (
                    f"  {box} {arrow} flow{number}" if side == "sources" else f"  flow{number} {arrow} {box}"
                )


def _label(text: str) -> str:
    escaped = plainly(text).replace("#", "#35;")
    return escaped.replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
