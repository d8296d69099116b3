"""deploy/governance/attacks.md forgets no attack, and each has a test or says why not."""

from tests.unit.governance.test_pack import pointers, rows

ATTACKS = (
    *("spoofed source: payload", "spoofed source: header", "spoofed source: key"),
    *("spoofed agreement id of another pair", "expired agreement in flight", "revoked agreement in flight"),
    *("time-travel timestamps", "clock skew", "replay of an old event id", "same id with different content"),
    *("dedup-window overflow", "two authorities colliding on an event id"),
    *("oversized value", "oversized key", "oversized headers", "10,000 headers"),
    *("duplicate or case-variant headers", "CR, LF and NUL in headers", "header claiming another schema"),
    *("unknown schema id", "schema id of another event type", "hostile Avro"),
    *("alias or default tricks that rename a personal field", "union smuggling"),
    *("trailing bytes as a covert channel", "free text that carries unpermitted data"),
    *("homoglyph or mixed-case authority codes", "topic-name injection", "prefix confusion"),
    *("path traversal in schema and agreement file names", "YAML bombs, anchors and unsafe loaders"),
    *("regular expressions that run for ever", "decompression bombs: record batches"),
    *("decompression bombs: container files", "SSRF through webhook URLs", "webhook signature and replay"),
    *("acknowledgement forgery by a non-recipient", "acknowledgement of an undelivered event"),
    *("poison-message crash loop", "noisy neighbour starving others", "log injection"),
    *("metrics and admin endpoints unauthenticated", "timing or error differences that reveal a resident"),
)
WHY_NOT = ("no test: ", "not built: ", "declined: ", "nothing takes receipts yet")


def test_every_attack_has_a_row_with_a_test_or_a_reason() -> None:
    said = {row[0]: row[1] for row in rows("attacks.md")}
    assert sorted(set(ATTACKS) - said.keys()) == []
    for attack, shown in said.items():
        tests = [one for one in pointers(shown) if one.startswith("tests/")]
        assert tests or any(shown.startswith(why) for why in WHY_NOT), attack
