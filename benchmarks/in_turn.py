"""Programs beside ours that answer in JSON.

Two that are timed work in turn, so that the machine's mood hits both: started once, asked line by line. One whose
numbers alone matter runs once and answers at its end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess


def start(command: list[str], given: argparse.Namespace) -> subprocess.Popen[str]:
    """Start a program with the threads and the PYTHONPATH that were asked for; its errors are not shown."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(given.threads), "PYTHONPATH": given.peer_path}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )


def ask(child: subprocess.Popen[str]) -> dict[str, float]:
    """Let a program work once and return what it says as JSON; other lines are skipped."""
    assert child.stdin
    assert child.stdout
    child.stdin.write("go\n")
    child.stdin.flush()
    for line in child.stdout:
        if line.startswith("{"):
            answer: dict[str, float] = json.loads(line)
            return answer
    raise SystemExit(f"{child.args!r} ended early")


def answer(command: list[str], peer_path: str) -> dict[str, float]:
    """Run a program of the reference to its end, on one thread, and return what it says last as JSON."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": peer_path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise SystemExit(f"the reference failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(lines[-1])
    return found
