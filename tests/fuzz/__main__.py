"""`python -m tests.fuzz --seconds 300`: run the fuzzer, and report.

Exits with 1 where an input crashed or hung; `.fuzz/` then holds the input. To make a test of the input, put the file into
`tests/fuzz/corpus/` under a name that says what is wrong.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.fuzz.seeds import CORPUS

FOUND = Path(".fuzz")
HANG_SECONDS = 10
MEMORY_MB = 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    seconds = parser.parse_args().seconds
    shutil.rmtree(FOUND, ignore_errors=True)
    (FOUND / "corpus").mkdir(parents=True)
    command = [
        *(sys.executable, "-m", "tests.fuzz.run", str(FOUND / "corpus"), str(CORPUS)),
        f"-max_total_time={seconds}",
        f"-timeout={HANG_SECONDS}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-artifact_prefix={FOUND}/",
        "-max_len=4096",
        "-print_final_stats=1",
    ]
    log = FOUND / "log"
    with log.open("wb") as out:
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    return _report(log.read_text(errors="replace"), code)


def _report(log_text: str, code: int) -> int:
    executions = re.findall(r"stat::number_of_executed_units:\s*(\d+)", log_text) or re.findall(
        r"^#(\d+)", log_text, re.MULTILINE
    )
    memory = re.findall(r"rss: (\d+)Mb", log_text)
    left = sorted(
        path.name for path in FOUND.iterdir() if path.name.startswith(("crash-", "timeout-", "oom-"))
    )
    hangs = sum(name.startswith("timeout-") for name in left)
    print(f"executions   {int(executions[-1]) if executions else 0:,}")
    print(f"crashes      {len(left) - hangs}")
    print(f"hangs        {hangs}")
    print(
        f"memory       {memory[0]} MiB at the start, {memory[-1]} MiB at the end"
        if memory
        else "memory       unknown"
    )
    if code or left:
        print(log_text[-4000:], file=sys.stderr)
        print(
            f"The fuzzer ended with {code}. Inputs: {', '.join(left) or 'none'}, in {FOUND}/.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
