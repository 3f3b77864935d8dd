"""Ctrl-C during long calls leaves nothing behind but an entry."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest

import custody
from custody import ArtifactManager, ArtifactType

ADD = """
    import sys, custody
    from pathlib import Path
    manager = custody.ArtifactManager(sys.argv[1])
    print("ready", flush=True)
    try:
        manager.create_artifact(custody.ArtifactType.VIDEO_RAW, source_path=Path(sys.argv[2]))
        print("added")
    except KeyboardInterrupt:
        print("interrupted")
    print(len(manager.list_artifacts()), manager.verify().ok)
"""


def payload_files(store):
    return [path for folder in ("blobs", "temp", "trash") for path in (store / "storage" / folder).rglob("*")
            if path.is_file() and path.name not in ("write-queue", "reserve")]


def test_ctrl_c_during_a_long_add(tmp_path):
    big = tmp_path / "big.mp4"
    with open(big, "wb") as file:
        file.truncate(8 << 30)  # sparse: it takes seconds to hash, and nothing to make
    store = tmp_path / "study"
    ArtifactManager(store).close()
    program = subprocess.Popen([sys.executable, "-B", "-c", textwrap.dedent(ADD), store, big], stdout=subprocess.PIPE, text=True,
                               env=os.environ)
    try:
        assert program.stdout.readline() == "ready\n"
        time.sleep(0.5)
        begun = time.monotonic()
        program.send_signal(signal.SIGINT)
        said = program.communicate(timeout=60)[0]
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
    assert said == "interrupted\n0 True\n"
    assert time.monotonic() - begun < 20
    assert payload_files(store) == []
    with ArtifactManager(store) as manager:
        entry, = manager.audit.entries(operation="artifact_storage")
        assert entry.outcome is custody.Outcome.FAILED and entry.error_message.startswith("interrupted")
        assert manager.verify().findings == []


def test_what_the_progress_function_raises_ends_the_call(manager, tmp_path):
    class Enough(Exception):
        pass

    def stop(done, total):
        raise Enough(f"{done} of {total}")

    manager.create_artifact(ArtifactType.LOG, content=b"log")
    before = payload_files(tmp_path / "study")
    for call in (lambda: manager.create_artifact(ArtifactType.LOG, content=b"x" * 5_000_000, progress=stop),
                 lambda: manager.backup(tmp_path / "backup", progress=stop),
                 lambda: manager.audit.export_audit_trail(tmp_path / "trail.json", progress=stop)):
        with pytest.raises(Enough):
            call()
    assert len(manager.list_artifacts()) == 1 and payload_files(tmp_path / "study") == before
    assert not (tmp_path / "trail.json").exists()
    assert [entry.error_message for entry in manager.audit.entries(operation="artifact_storage")] == [
        "stopped by the caller's progress function"]
    assert manager.verify().ok


def test_an_interrupted_overwrite_keeps_the_old_export(manager, tmp_path):
    path = manager.audit.export_audit_trail(tmp_path / "trail.json")
    before = path.read_bytes()

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        manager.audit.export_audit_trail(path, progress=stop)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["study", "trail.json"]


WAIT = """
    import sys, custody
    manager = custody.ArtifactManager(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        manager.create_artifact(custody.ArtifactType.LOG, content=b"log")
        print("added")
    except KeyboardInterrupt:
        print("interrupted")
    sys.stdin.readline()
    manager.create_artifact(custody.ArtifactType.LOG, content=b"log")
    print(len(manager.list_artifacts()), manager.verify().ok)
"""


def test_ctrl_c_while_another_process_writes(tmp_path):
    store = tmp_path / "study"
    ArtifactManager(store).close()
    program = subprocess.Popen([sys.executable, "-B", "-c", textwrap.dedent(WAIT), store], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        assert program.stdout.readline() == "ready\n"
        other = sqlite3.connect(store / "storage" / "catalog.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        program.stdin.write("go\n")
        program.stdin.flush()
        time.sleep(0.5)
        begun = time.monotonic()
        program.send_signal(signal.SIGINT)
        assert program.stdout.readline() == "interrupted\n"
        assert time.monotonic() - begun < 10  # it would have waited for 30 seconds
        other.close()
        assert program.communicate("go\n", timeout=60)[0] == "1 True\n"
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
    with ArtifactManager(store) as manager:
        # What could not be recorded while the catalog was held is told by the next entry that could be.
        assert manager.audit.entries(operation="artifact_creation")[-1].details["unrecorded"][0]["outcome"] == "failed"


@pytest.mark.parametrize("call", ["manager.sql(ENDLESS, time_limit=60)", "manager.checkout(artifact, folder / 'copy')"])
def test_ctrl_c_during_a_long_query_and_a_long_copy(tmp_path, call):
    big = tmp_path / "big.mp4"
    with open(big, "wb") as file:
        file.truncate(3 << 30)
    with ArtifactManager(tmp_path / "study") as manager:
        if "checkout" in call:
            manager.create_artifact(ArtifactType.VIDEO_RAW, source_path=big, transfer="move")
    program = f"""
        import sys, custody
        from pathlib import Path
        ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        folder = Path(sys.argv[1])
        manager = custody.ArtifactManager(folder / "study")
        artifact = next((each.artifact_id for each in manager.list_artifacts()), None)
        print("ready", flush=True)
        try:
            {call}
            print("done")
        except KeyboardInterrupt:
            print("interrupted")
    """
    running = subprocess.Popen([sys.executable, "-B", "-c", textwrap.dedent(program), tmp_path], stdout=subprocess.PIPE, text=True,
                               env=os.environ)
    try:
        assert running.stdout.readline() == "ready\n"
        time.sleep(0.4)
        begun = time.monotonic()
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=100)[0]
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
    assert said == "interrupted\n"
    assert time.monotonic() - begun < 20
    assert not (tmp_path / "copy").exists()
    with ArtifactManager(tmp_path / "study") as manager:
        assert manager.audit.entries()[-1].error_message.startswith("interrupted")
