"""Attacks that no other test shows (deploy/governance/attacks.md lists them all)."""

import ast
import importlib
import io
import json
import logging
import pkgutil
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import instep
from instep.lanes.settings import from_env
from instep.network.services import SERVICES
from instep.service.logs import configure_logs

SOURCE = Path(instep.__file__).parent
FEW, MANY = 2_000, 8_000
HOSTILE = ("a", "A", "0", " ", "\t", "-", ".", "_", "a0", "a ", "A0 ", "0.", "-a", "\n ", "[ ", '"', "\u2003")


def test_the_product_reads_no_yaml_and_loads_no_pickles() -> None:
    """TOML, CSV, JSON and Avro alone: nothing that can name an object to make, or refer to itself."""
    dangerous = {"yaml", "ruamel", "pickle", "marshal", "shelve", "dill", "jsonpickle"}
    found = {
        (str(file.relative_to(SOURCE)), name)
        for file in SOURCE.rglob("*.py")
        for name in _imported(ast.parse(file.read_text(encoding="utf-8")))
        if name in dangerous
    }
    assert found == set()


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_a_workers_page_answers_this_machine_alone_unless_told_otherwise() -> None:
    told = {"INSTEP_BOOTSTRAP_SERVERS": "127.0.0.1:1", "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT"}
    assert from_env(told, SERVICES["intake"]).management_host == "127.0.0.1"


def test_a_line_of_the_log_stays_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(root, "level", root.level)
    configure_logs()
    written = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    forged = 'x\r\n{"event": "all is well", "level": "info"}\u2028\x1b[2J\x00'
    logging.getLogger("library").warning("no such topic: %s", forged)
    (line,) = written.getvalue().splitlines()
    assert line.isascii()
    assert json.loads(line)["event"] == f"no such topic: {forged}"


def patterns() -> list[tuple[str, Callable[[str], None]]]:
    """Each regular expression of the product, in the ways in which it is used."""
    sources = "\n".join(file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py"))
    ways = defaultdict(set)
    for name, way in re.findall(r"\b(\w+)\.(\w+)\(", sources):
        ways[name].add(way)
    found = []
    for module in pkgutil.walk_packages([str(SOURCE)], "instep."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, re.Pattern):
                    found.append((f"{module.name}.{name}", _use(value, ways[name])))
    return found


def _use(pattern: re.Pattern[Any], ways: set[str]) -> Callable[[str], None]:
    tries = [getattr(pattern, "search" if way == "sub" else way) for way in ways]

    def use(text: str) -> None:
        told = text if isinstance(pattern.pattern, str) else text.encode()
        for way in tries:
            way(told)

    return use


@pytest.mark.parametrize(("name", "use"), [pytest.param(*one, id=one[0]) for one in patterns()])
def test_no_pattern_takes_more_than_its_share_of_time(name: str, use: Callable[[str], None]) -> None:
    """Four times the text takes about four times as long; a pattern that goes back takes sixteen times, or for ever."""
    for part in HOSTILE:
        long = _seconds(use, part * MANY + "!")
        if long > 0.002:
            assert long < 9 * _seconds(use, part * FEW + "!"), (name, part)


def _seconds(use: Callable[[str], None], text: str) -> float:
    took = []
    for _ in range(5):  # of the processor's time: neighbours on the machine do not count
        began = time.thread_time()
        use(text)
        took.append(time.thread_time() - began)
    return min(took)
