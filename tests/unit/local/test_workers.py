"""A worker that somebody runs in a terminal is shown by `instep status`, and by nothing once it has ended."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from instep.local.platform import Platform
from instep.local.process import this_process
from instep.local.workers import records, registered, standing


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A platform that is up, as far as files show."""
    directory = tmp_path / ".instep"
    directory.mkdir()
    (directory / "connection.json").write_text("{}")
    return directory


@pytest.fixture(params=[200, 503])
def ready(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """The status with which `/ready` answers, and the port."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param if self.path == "/ready" else 404)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield request.param, server.server_port
        server.shutdown()
        thread.join()


def test_a_worker_is_shown_while_it_runs_with_its_own_answer(home: Path, ready: tuple[int, int]) -> None:
    status, port = ready
    with registered({"INSTEP_HOME": str(home)}, "intake", port):
        (shown,) = standing(home)
        assert (shown.name, shown.pid, shown.address) == ("intake", os.getpid(), f"127.0.0.1:{port}")
        assert shown.state == {200: "up", 503: "not ready"}[status]
    assert standing(home) == []


def test_a_worker_whose_port_is_silent_does_not_answer(home: Path) -> None:
    with registered({"INSTEP_HOME": str(home)}, "router", 1):
        assert [worker.state for worker in standing(home)] == ["not answering"]


@pytest.mark.slow
def test_the_record_of_a_worker_that_was_killed_is_forgotten(home: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    gone = replace(this_process(f"intake-{child.pid}", None), pid=child.pid, started=0.0)
    child.kill()
    child.wait()
    records(home).write(gone)
    assert standing(home) == []
    assert records(home).all() == []


def test_a_worker_of_another_cluster_is_not_written_down(home: Path) -> None:
    elsewhere = {"INSTEP_HOME": str(home), "INSTEP_BOOTSTRAP_SERVERS": "x:1"}
    with registered(elsewhere, "intake", 8101):
        assert standing(home) == []
    with registered({"INSTEP_HOME": str(home / "nothing")}, "intake", 8101):
        assert not (home / "nothing").exists()


def test_a_worker_runs_where_its_record_cannot_be_written(home: Path) -> None:
    (home / "workers").touch()
    ran = False
    with registered({"INSTEP_HOME": str(home)}, "intake", 8101):
        ran = True
    assert ran


def test_down_leaves_workers_alone(home: Path) -> None:
    with registered({"INSTEP_HOME": str(home)}, "intake", None):
        assert Platform(home).down() == []
        assert [worker.state for worker in standing(home)] == ["up"]


@pytest.mark.slow
def test_status_lists_workers_behind_the_broker(home: Path) -> None:
    environ = {**os.environ, "INSTEP_HOME": str(home)}
    instep = Path(sys.executable).with_name("instep")
    with registered({"INSTEP_HOME": str(home)}, "intake", None):
        status = subprocess.run(
            [instep, "status", "--output", "json"], env=environ, capture_output=True, text=True, check=True
        )
    rows = [json.loads(line) for line in status.stdout.splitlines()]
    assert [(row["name"], row["state"]) for row in rows] == [("broker", "down"), ("intake", "up")]
