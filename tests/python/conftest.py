"""Fixtures of all tests of the package."""

import subprocess
import os
import sys
import textwrap

import pytest

import custody


@pytest.fixture
def manager(tmp_path):
    with custody.ArtifactManager(tmp_path / "study", actor="tester") as opened:
        yield opened


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "interview.mp4"
    path.write_bytes(b"raw picture")
    return path


@pytest.fixture
def run_python(tmp_path):
    """Runs a program of its own in a process of its own, and answers it once it has ended."""

    def run(program, *arguments, check=True, **options):
        done = subprocess.run([sys.executable, "-B", "-c", textwrap.dedent(program), *map(str, arguments)], cwd=tmp_path, text=True,
                              capture_output=True, timeout=120, env={**os.environ, **options.pop("env", {})}, **options)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run
