"""The diagram: flows as a Mermaid flowchart, which GitHub and many wikis draw. Over a broken line nothing flows."""

from collections.abc import Iterator, Sequence

from instep.network.flows import ACTIVE, Flow
from instep.network.problems import plainly

FEW = 10
"""Up to so many authorities of a flow have a box each; beyond, they share one that says how many they are."""


def flowchart(flows: Sequence[Flow]) -> Iterator[str]:
    """The lines of the chart: sources, what the agreement shares with them, recipients."""
    yield "flowchart LR"
    boxes: dict[tuple[str, tuple[str, ...]], str] = {}
    for number, flow in enumerate(flows):
        arrow = "-->" if flow.standing == ACTIVE else "-.->"
        stands = "" if flow.standing == ACTIVE else f"<br>{flow.standing}"
        label = f"{_label(flow.agreement)}<br>{_label(flow.purpose)}: {_label(flow.event)}{stands}"
        yield f'  flow{number}["{label}"]'
        for side, parties in (("sources", flow.sources), ("recipients", flow.recipients)):
            for group in [(name,) for name in parties] if len(parties) <= FEW else [parties]:
                # One box for those who tell and one for those who are told, or arrows would run in circles.
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
