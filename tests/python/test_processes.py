"""Threads, processes and forks on one store, through Python."""

import multiprocessing
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

import custody
from custody import ArtifactManager, ArtifactStatus, ArtifactType

CONTEXTS = ("spawn", "fork")


def run_threads(count, work):
    failures = []

    def guarded(number):
        try:
            work(number)
        except BaseException as error:  # noqa: B036
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def mix(manager, hub, folder, name, rounds):
    """All that a component does, and what it did: so many artifacts, links and hand-outs."""
    source = Path(folder, f"source_{name}")
    source.write_text(name)
    done = {"create": 0, "link": 0, "get_file": 0, "fail": 0}
    with manager.start_processing_run({"component": name}) as run:
        for number in range(rounds):
            made = manager.create_artifact(ArtifactType.LOG, source_path=source, source_artifacts=[hub], metadata={"n": number})
            other = manager.create_artifact(ArtifactType.METADATA, metadata={"of": name})
            done["create"] += 2
            done["link"] += manager.link_artifacts([made.artifact_id], other.artifact_id)
            assert manager.get_artifact_file(made.artifact_id).read_text() == name
            done["get_file"] += 1
            assert manager.get_artifact(other.artifact_id).source_artifacts == [made.artifact_id]
            with pytest.raises(FileNotFoundError):
                manager.create_artifact(ArtifactType.LOG, source_path=Path(folder, "missing"))
            done["fail"] += 1
            assert len(manager.list_artifacts(run_id=run, limit=3)) <= 3
            manager.get_artifact_lineage(other.artifact_id)
            manager.get_statistics()
            manager.update_artifact_status(made.artifact_id, ArtifactStatus.IN_PROGRESS)
        assert len(run.output_artifacts) == 2 * rounds and manager.current_run is run
    return done


def component(store, hub, folder, name, threads, rounds, results):
    totals = []
    with ArtifactManager(store) as manager:
        run_threads(threads, lambda number: totals.append(mix(manager, hub, folder, f"{name}_{number}", rounds)))
    results.put({key: sum(done[key] for done in totals) for key in totals[0]})


@pytest.mark.parametrize("kind", CONTEXTS)
def test_processes_of_threads_that_mix_all_calls_lose_nothing(tmp_path, kind):
    context = multiprocessing.get_context(kind)
    processes, threads, rounds = 4, 8, 3
    with ArtifactManager(tmp_path / "study") as manager:
        hub = manager.create_artifact(ArtifactType.METADATA, metadata={"hub": True}).artifact_id
        results = context.Queue()
        children = [context.Process(target=component, args=(tmp_path / "study", hub, tmp_path, f"p{n}", threads, rounds, results))
                    for n in range(processes)]
        for child in children:
            child.start()
        done = [results.get(timeout=120) for _ in children]
        for child in children:
            child.join(60)
            assert child.exitcode == 0
        results.close()
        results.join_thread()
        total = {key: sum(one[key] for one in done) for key in done[0]}
        each = processes * threads * rounds
        assert total == {"create": 2 * each, "link": each, "get_file": each, "fail": each}
        counts = dict(manager.sql("SELECT operation || '/' || action, count(*) FROM review_audit GROUP BY 1").rows)
        assert counts["artifact_creation/create"] == total["create"] + 1
        assert counts["artifact_link/create_relationship"] == total["link"]
        assert counts["artifact_access/get_file"] == total["get_file"]
        assert counts["artifact_storage/store"] == total["fail"]
        assert len(manager.lineage(hub, "down")) == 1 + total["create"]
        assert all(run.status is ArtifactStatus.COMPLETED for run in manager.list_runs())
        assert len(manager.list_runs()) == processes * threads
        assert manager.verify().ok


def add_one(manager, anna):
    return manager.create_artifact(ArtifactType.LOG).artifact_id, anna.create_artifact(ArtifactType.LOG).artifact_id


@pytest.mark.parametrize("kind", CONTEXTS)
def test_a_manager_may_be_handed_to_another_process(manager, kind):
    with multiprocessing.get_context(kind).Pool(2) as pool:
        made = pool.starmap(add_one, [(manager, manager.acting(actor="anna"))] * 4)
        pool.close()
        pool.join()
    users = {entry.artifact_id: entry.user for entry in manager.audit.entries(operation="artifact_creation")}
    assert [[users[one] for one in pair] for pair in made] == [["tester", "anna"]] * 4
    assert manager.verify().ok


def in_child(work):
    """Runs it in a forked child; answers what it printed there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.write(writing, str(work()).encode())
            code = 0
        except BaseException as error:  # noqa: B036
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    assert status == 0, said
    return said


def test_a_forked_child_opens_anew_and_leaves_the_parents_runs_alone(manager):
    run = manager.start_processing_run({"of": "the parent"})
    before = manager.create_artifact(ArtifactType.LOG, content=b"parent's")
    acting = manager.acting(actor="anna")

    def child():
        assert manager.current_run is None
        assert manager.get_artifact(before.artifact_id) == before
        own = manager.create_artifact(ArtifactType.LOG, content=b"child's")
        assert own.run_id is None
        with manager.start_processing_run({"of": "the child"}) as inner:
            assert acting.create_artifact(ArtifactType.LOG).run_id == inner.run_id
        manager.close()
        return own.artifact_id

    made = in_child(child)
    assert manager.current_run is run
    after = manager.create_artifact(ArtifactType.LOG, content=b"parent's again")
    assert after.run_id == run.run_id and manager.get_artifact(made).run_id is None
    run.end()
    entries = manager.audit.entries(operation="artifact_creation")
    assert [entry.agent["pid"] == os.getpid() for entry in entries] == [True, False, False, True]
    assert {entry.user for entry in entries} == {"tester", "anna"}
    assert manager.verify().ok


def test_a_child_outlives_its_parents_store(tmp_path):
    """It holds locks of its own: nobody takes it for gone, whatever comes and goes meanwhile."""
    manager = ArtifactManager(tmp_path / "study")
    manager.create_artifact(ArtifactType.LOG, metadata={"n": -1})
    go, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            manager.create_artifact(ArtifactType.LOG, metadata={"n": 0})
            os.read(go, 1)
            for number in range(20):
                manager.create_artifact(ArtifactType.LOG, metadata={"n": number})
        finally:
            os._exit(0 if len(manager.list_artifacts()) == 22 else 1)
    time.sleep(0.3)
    manager.close()
    catalog = str(tmp_path / "study/storage/catalog.db")
    subprocess.run(["sqlite3", catalog, "SELECT count(*) FROM artifacts"], check=True, stdout=subprocess.DEVNULL)
    os.write(told, b"x")
    assert os.waitpid(child, 0)[1] == 0
    with ArtifactManager(tmp_path / "study") as manager:
        assert len(manager.list_artifacts()) == 22 and manager.verify().ok


def test_forks_while_threads_are_at_work(manager):
    stop = threading.Event()
    counts = [0] * 4

    def work(number):
        while not stop.is_set():
            manager.create_artifact(ArtifactType.LOG, metadata={"of": number})
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            in_child(lambda: manager.create_artifact(ArtifactType.METADATA).artifact_id)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(manager.list_artifacts(ArtifactType.LOG)) == sum(counts) and len(manager.list_artifacts(ArtifactType.METADATA)) == 10
    assert manager.verify().ok


def test_threads_that_fork_at_once(manager):
    run_threads(4, lambda _number: [in_child(lambda: manager.create_artifact(ArtifactType.LOG).artifact_id) for _ in range(3)])
    assert len(manager.list_artifacts()) == 12
    with manager.start_processing_run({}):
        assert manager.create_artifact(ArtifactType.LOG).run_id


def test_a_fork_within_a_call_gives_a_child_that_is_refused_the_store(manager):
    said = []

    def refused():
        with pytest.raises(custody.InvalidState, match="forked"):
            manager.list_artifacts()
        return "refused"

    manager.create_artifact(ArtifactType.LOG, content=b"x", progress=lambda done, total: said.append(in_child(refused)))
    assert said and set(said) == {"refused"}
    assert len(manager.list_artifacts()) == 1


def test_a_call_from_within_a_call(manager):
    seen = []
    manager.create_artifact(ArtifactType.LOG, content=b"x", progress=lambda done, total: seen.append(len(manager.list_artifacts())))
    assert set(seen) == {0}
    with pytest.raises(custody.InvalidState):
        manager.create_artifact(ArtifactType.LOG, content=b"y", progress=lambda done, total: manager.close())
    assert len(manager.list_artifacts()) == 1


def test_the_gil_is_released(tmp_path):
    """While one thread waits for the store's lock, others go on."""
    import sqlite3
    with ArtifactManager(tmp_path / "study") as manager:
        holder = sqlite3.connect(tmp_path / "study/storage/catalog.db", isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=manager.create_artifact, args=(ArtifactType.LOG,))
        waiting.start()
        counted, until = 0, time.monotonic() + 0.3
        while time.monotonic() < until:
            counted += 1
        assert counted > 1000 and waiting.is_alive()
        holder.execute("ROLLBACK")
        waiting.join()
        holder.close()
        assert len(manager.list_artifacts()) == 1


def test_the_run_of_a_thread_is_its_own(manager):
    with manager.start_processing_run({"of": "main"}) as run:
        def other(_number):
            assert manager.current_run is None
            with manager.start_processing_run({"of": "thread"}) as own:
                assert manager.current_run is own
                assert manager.create_artifact(ArtifactType.LOG).run_id == own.run_id
        run_threads(4, other)
        assert manager.current_run is run


def test_a_process_that_ends_without_closing_loses_nothing(tmp_path, run_python):
    program = """
        import sys, custody
        manager = custody.ArtifactManager(sys.argv[1])
        run = manager.start_processing_run({})
        manager.create_artifact("log", content=b"x")
        manager.list_artifacts()
    """
    done = run_python(program, tmp_path / "study")
    assert done.stderr == ""
    with ArtifactManager(tmp_path / "study") as manager:
        assert manager.list_runs()[0].end_reason == "abandoned"
        assert len(manager.audit.entries(operation="artifact_access", action="list")) == 1  # what waited to be written was
        assert manager.verify().ok
