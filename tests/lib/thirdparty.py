"""Programs and libraries of others: Debian's jose command, and what tests/thirdparty gets from npm."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

DIRECTORY = pathlib.Path(__file__).resolve().parents[1] / "thirdparty"
SECONDS = 30


def need(there, what):
    """Skips where it is not there, but never in continuous integration, which installs it."""
    if not there:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what}: tools/setup.sh test")


class Node:
    """One of tests/thirdparty's programs: a JSON request a line, a JSON answer a line."""

    def __init__(self, program):
        need(shutil.which("node"), "node is not installed")
        need((DIRECTORY / "node_modules").is_dir(), "the npm packages are not installed")
        self.process = subprocess.Popen(
            ["node", program],
            cwd=DIRECTORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do, **fields):
        print(json.dumps({"do": do, **fields}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(SECONDS)
        self.process.stdout.close()


def run(program, asks):
    """The program's answers, one for each of what it is asked."""
    need(shutil.which("node"), "node is not installed")
    need((DIRECTORY / "node_modules").is_dir(), "the npm packages are not installed")
    done = subprocess.run(
        ["node", program],
        cwd=DIRECTORY,
        input="".join(json.dumps(ask) + "\n" for ask in asks),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def jose_command(*args, stdin=""):
    """(exit code, output) of Debian's jose."""
    need(shutil.which("jose"), "the jose command is not installed")
    done = subprocess.run(
        ["jose", *args], input=stdin, capture_output=True, text=True, timeout=SECONDS
    )
    return done.returncode, done.stdout
