"""What the package has beyond the original: all of the library's interface, in the same style."""

import inspect
import os
import re
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

import custody
from custody import ArtifactManager, ArtifactStatus, ArtifactType, Direction, NewArtifact, Sensitivity, Severity

SOURCE = Path(os.environ["CUSTODY_SOURCE"])


def test_every_call_of_the_library_is_there():
    """Names of the public C++ classes, and what they are called here where that differs."""
    headers = "\n".join(path.read_text() for path in sorted((SOURCE / "include/custody").glob("*.hpp")))
    renamed = {"storage_path": "storage", "audit": "audit", "temp_folder": "storage", "cleanup_temp": "storage", "init": None,
               "migrate": None, "restore": None, "examine_original": None, "start_processing_run_text": "start_processing_run", "current_run": "current_run",
               # for this binding itself
               "suspend": "close", "resume": "close", "record_misuse": "close"}
    for owner, target in (("ArtifactManager", ArtifactManager), ("AuditTrail", custody.AuditTrail)):
        body = re.search(r"class CUSTODY_API %s \{\n   public:\n(.*?)\n   private:" % owner, headers, re.S).group(1)
        calls = {call for call in re.findall(r"(?<![\w:~.])([a-z]\w*)\(", re.sub(r"//[^\n]*", "", body)) if call != "operator"}
        assert len(calls) > 12
        for call in sorted(calls - {"noexcept"}):
            name = renamed.get(call, call)
            where = custody if name is None else target
            assert hasattr(where, name or call) or (name or call) in inspect.getsource(ArtifactManager), f"{owner}::{call}"


def test_runs(manager):
    with manager.start_processing_run({"pipeline": "a"}, on_behalf_of="dr_b", purpose="study 7") as outer:
        raw = manager.create_artifact(ArtifactType.AUDIO_RAW, content=b"sound", file_name="a.wav")
        with manager.start_processing_run({"pipeline": "b"}) as inner:
            assert manager.current_run is inner
            made = manager.create_artifact(ArtifactType.AUDIO_DEID, content=b"bleep", source_artifacts=[raw.artifact_id])
            apart = manager.create_artifact(ArtifactType.LOG, run=outer)
        assert inner.ended and inner.status is ArtifactStatus.COMPLETED and manager.current_run is outer
    assert inner.output_artifacts == [made.artifact_id] and inner.input_artifacts == [raw.artifact_id]
    assert outer.output_artifacts == [raw.artifact_id, apart.artifact_id]
    record = outer.record()
    assert (record.on_behalf_of, record.purpose, record.end_reason) == ("dr_b", "study 7", "ended")
    assert record.output_artifacts == outer.output_artifacts and inner.record().input_artifacts == inner.input_artifacts
    assert manager.list_artifacts(run_id=inner) == [made]
    assert [run.run_id for run in manager.list_runs(status=ArtifactStatus.COMPLETED)] == [inner.run_id, outer.run_id]
    assert manager.get_run("nonsense") is None
    with pytest.raises(custody.Conflict):
        outer.end()
    with pytest.raises(custody.Conflict):
        manager.create_artifact(ArtifactType.LOG, run=outer)


def test_a_run_that_an_exception_leaves_ends_as_failed(manager):
    with pytest.raises(ZeroDivisionError):
        with manager.start_processing_run({}) as run:
            with pytest.raises(FileNotFoundError):
                manager.create_artifact(ArtifactType.LOG, source_path=Path("missing"))
            raise ZeroDivisionError("no frames")
    record = run.record()
    assert record.status is ArtifactStatus.FAILED and record.error_message == "no frames"
    assert record.error_messages[0] == "Source file not found: missing" == run.error_messages[0]


def test_runs_that_are_not_ended(tmp_path):
    manager = ArtifactManager(tmp_path / "study")
    left = manager.start_processing_run({"left": True}).run_id
    shared = manager.start_processing_run({"shared": True}, time_to_live=3600)
    shared.detach()
    manager.close()
    manager.close()
    with pytest.raises(custody.InvalidState):
        manager.list_runs()
    with ArtifactManager(tmp_path / "study") as manager:
        assert manager.get_run(left).end_reason == "abandoned" and manager.get_run(left).status is ArtifactStatus.FAILED
        assert manager.get_run(shared.run_id).status is ArtifactStatus.IN_PROGRESS
        manager.end_processing_run(ArtifactStatus.FAILED, "over", run=shared.run_id)
        assert manager.get_run(shared.run_id).error_message == "over"


def test_request_keys(manager):
    first = manager.create_artifact(ArtifactType.LOG, content=b"x", request_key="k")
    assert manager.create_artifact(ArtifactType.LOG, content=b"x", request_key="k") == first
    with pytest.raises(custody.Conflict):
        manager.create_artifact(ArtifactType.LOG, content=b"y", request_key="k")
    assert len(manager.list_artifacts()) == 1


def test_many_at_once_are_all_or_none(manager, tmp_path):
    seen = []
    made = manager.create_artifacts([NewArtifact(ArtifactType.LOG, content=b"%d" % n, file_name=f"{n}.log") for n in range(20)],
                                    progress=lambda done, total: seen.append((done, total)))
    assert [artifact.file_name for artifact in made] == [f"{n}.log" for n in range(20)] and seen[-1] == (30, 30)
    with pytest.raises(FileNotFoundError):
        manager.create_artifacts([NewArtifact(ArtifactType.LOG), NewArtifact(ArtifactType.LOG, source_path=tmp_path / "missing")])
    assert len(manager.list_artifacts()) == 20
    with pytest.raises(ValueError):
        manager.create_artifacts([ArtifactType.LOG])


def test_from_a_descriptor_and_by_moving(manager, tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe")
    os.close(writing)
    made = manager.create_artifact(ArtifactType.LOG, source_fd=reading, file_name="pipe.log")
    os.close(reading)
    assert manager.open_payload(made.artifact_id).read() == b"from a pipe"
    (tmp_path / "big.log").write_bytes(b"moved")
    moved = manager.create_artifact(ArtifactType.LOG, source_path=tmp_path / "big.log", transfer=custody.Transfer.MOVE)
    assert not (tmp_path / "big.log").exists() and moved.file_size == 5


def test_pages(manager):
    made = manager.create_artifacts([NewArtifact(ArtifactType.LOG, metadata={"n": n}) for n in range(25)])
    seen, last = [], None
    while page := manager.list_artifacts(ArtifactType.LOG, limit=10, after=last):
        seen += [artifact.metadata["n"] for artifact in page]
        last = page[-1]
    assert seen == list(range(24, -1, -1)) and len(made) == 25
    with pytest.raises(custody.NotFound):
        manager.list_artifacts(after="00000000-0000-4000-8000-000000000000")


def test_lineage_down_and_flat(manager):
    raw = manager.create_artifact(ArtifactType.AUDIO_RAW, content=b"sound")
    deid = manager.create_artifact(ArtifactType.AUDIO_DEID, content=b"bleep", source_artifacts=[raw.artifact_id])
    down = manager.lineage(raw.artifact_id, Direction.DOWN)
    assert [(node.artifact_id, node.artifact_type, node.depth) for node in down] == [
        (raw.artifact_id, ArtifactType.AUDIO_RAW, 0), (deid.artifact_id, ArtifactType.AUDIO_DEID, 1)]
    edge, = down.edges
    assert (edge.artifact_id, edge.source_artifact_id, edge.relationship) == (deid.artifact_id, raw.artifact_id, "derived_from")
    assert len(manager.lineage(raw.artifact_id, "both")) == 2 and not down.truncated
    assert manager.lineage(deid.artifact_id, max_nodes=1).truncated
    assert "derived_from" in manager.lineage_tree(deid.artifact_id)
    assert manager.lineage_dot(deid.artifact_id).startswith("digraph")
    assert manager.lineage("nonsense") is None
    with pytest.raises(ValueError):
        manager.lineage(raw.artifact_id, "sideways")


def test_payloads_are_checked_when_they_are_read(manager, tmp_path):
    made = manager.create_artifact(ArtifactType.LOG, content=b"x" * 3_000_000, file_name="a.log")
    with manager.open_payload(made.artifact_id) as payload:
        assert payload.raw.size == 3_000_000 and payload.raw.checksum == made.checksum
        assert payload.read(10) == b"x" * 10 and len(payload.read()) == 2_999_990
    copy = manager.checkout(made.artifact_id, tmp_path)
    assert copy.parent == tmp_path and copy.stat().st_size == 3_000_000
    with pytest.raises(FileExistsError):
        manager.checkout(made.artifact_id, copy)
    blob, = [path for path in (tmp_path / "study/storage/blobs").rglob("*") if path.is_file()]
    blob.chmod(0o600)
    with open(blob, "r+b") as file:
        file.write(b"y")
    for read in (lambda: manager.get_artifact_file(made.artifact_id), lambda: manager.open_payload(made.artifact_id).read(),
                 lambda: manager.checkout(made.artifact_id, tmp_path / "copy")):
        with pytest.raises(custody.Corruption):
            read()
    report = manager.verify()
    assert not report.ok and {finding.kind for finding in report.findings if finding.severity is Severity.ERROR} == {"payload_altered"}
    for unknown in ("nonsense", "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(custody.NotFound):
            manager.open_payload(unknown)


def test_types(manager):
    scan = manager.register_artifact_type("ct_scan", Sensitivity.IDENTIFIED)
    made = manager.create_artifact(scan, metadata={})
    assert manager.get_artifact(made.artifact_id).artifact_type is scan
    info = {one.artifact_type: one for one in manager.artifact_types()}
    assert info[scan].sensitivity is Sensitivity.IDENTIFIED and not info[scan].built_in and info[ArtifactType.LOG].built_in
    with pytest.raises(custody.Conflict):
        manager.register_artifact_type("ct_scan", "neutral")


def test_refusals_say_the_rule(manager):
    raw = manager.create_artifact(ArtifactType.VIDEO_RAW, content=b"face")
    with pytest.raises(custody.Refused) as caught:
        manager.create_artifact(ArtifactType.VIDEO_DEID, content=b"face", source_artifacts=[raw.artifact_id])
    assert caught.value.rule == "identified_release"
    with pytest.raises(custody.Refused) as caught:
        manager.create_artifact(ArtifactType.LOG, metadata={"patient_name": "x"})
    assert caught.value.rule == "key_name"
    assert manager.create_artifact(ArtifactType.LOG, metadata={"patient_name": "x"}, allow_phi_metadata=True)


def test_holds_retention_and_garbage(manager):
    made = manager.create_artifact(ArtifactType.LOG, content=b"log")
    hold = manager.add_hold(made.artifact_id, "litigation")
    assert manager.list_holds() == [hold] and hold.placed_by == "tester" and hold.placed_at.tzinfo
    assert manager.cleanup_old_artifacts(0) == 0
    report = manager.cleanup(0, dry_run=True)
    assert report.kept[0].artifact_id == made.artifact_id and "hold" in report.kept[0].reason and report.dry_run
    policy = manager.set_retention(ArtifactType.LOG, 0, reason="SOP 12")
    assert manager.list_retention() == [policy] and policy.artifact_type is ArtifactType.LOG
    assert manager.collect_garbage(dry_run=True).removed == []
    other = manager.add_hold(made.artifact_id, "audit")
    assert manager.remove_hold(made.artifact_id, "over", hold_id=hold.hold_id) == 1 and manager.list_holds() == [other]
    with pytest.raises(custody.InvalidArgument):
        manager.remove_hold(made.artifact_id, hold_id=0)
    assert manager.remove_hold(made.artifact_id, "over") == 1
    gone = manager.collect_garbage(grace_seconds=0)
    assert gone.removed[0].artifact_id == made.artifact_id and gone.freed_bytes >= 3
    manager.remove_retention(ArtifactType.LOG)
    for call in (lambda: manager.remove_retention(ArtifactType.LOG), lambda: manager.remove_hold(made.artifact_id),
                 lambda: manager.add_hold("nonsense", "x")):
        with pytest.raises(custody.NotFound):
            call()


def test_in_somebody_elses_name(manager):
    made = manager.create_artifact(ArtifactType.LOG, content=b"log")
    anna = manager.acting(actor="anna", purpose="audit 7")
    assert anna.get_artifact_file(made.artifact_id).exists()
    entry = manager.audit.entries(action="get_file")[-1]
    assert (entry.user, entry.purpose, entry.agent["pid"]) == ("anna", "audit 7", os.getpid())
    with manager.start_processing_run({}) as run:
        assert anna.create_artifact(ArtifactType.LOG).run_id == run.run_id
    assert len(run.output_artifacts) == 1


def test_the_trail_is_proven(manager, tmp_path):
    made = manager.create_artifact(ArtifactType.LOG, content=b"log")
    key = manager.audit.make_signing_key(tmp_path / "signing.key")
    seal = manager.audit.seal(signing_key=tmp_path / "signing.key", anchor=tmp_path / "anchor")
    assert seal.verifier_key == key and seal.note in (tmp_path / "anchor").read_text()
    report = manager.audit.verify(keys=[key], anchor=tmp_path / "anchor")
    assert report.ok and report.pinned and report.sealed_entries == seal.size and report.statement.startswith("sealed to entry")
    proof = manager.audit.prove(2, signing_key=tmp_path / "signing.key")
    (tmp_path / "entry.json").write_text(proof)
    assert custody.verify_audit_files(tmp_path / "entry.json", [key]).ok
    assert len(manager.audit.prove_history(made.artifact_id, tmp_path / "proofs")) >= 1
    months = manager.audit.export_months(signing_key=tmp_path / "signing.key")
    assert months[0].parent == tmp_path / "study/audit" and custody.verify_audit_files(tmp_path / "study/audit", [key]).ok
    text = months[0].read_text()
    months[0].write_text(text.replace('"tester"', '"nobody"', 1))
    assert not custody.verify_audit_files(tmp_path / "study/audit", [key]).ok
    entry = manager.audit.entries(operation="artifact_creation")[0]
    assert entry.seq == 2 and '"sha256:' in entry.line and entry.outcome is custody.Outcome.DONE


def test_texts_can_be_withdrawn(manager):
    made = manager.create_artifact(ArtifactType.LOG)
    manager.update_artifact_status(made.artifact_id, ArtifactStatus.FAILED, "names a patient")
    entry, = manager.audit.entries(operation="artifact_update")
    redaction = manager.audit.redact(entry.seq, "names a patient")
    assert redaction.withdrawn[0].seq == entry.seq and not redaction.held_by
    assert "names a patient" not in str(manager.audit.entries(operation="artifact_update"))
    assert manager.audit.verify().ok and manager.audit.verify().withdrawn_texts > 0


def test_original_stores_out_and_in(manager, tmp_path):
    raw = manager.create_artifact(ArtifactType.VIDEO_RAW, content=b"film", file_name="film.mp4")
    made = manager.create_artifact(ArtifactType.VIDEO_DEID, content=b"blurred", source_artifacts=[raw.artifact_id])
    written = manager.export_original(tmp_path / "tree", timezone="Europe/Berlin")
    assert written.folder == tmp_path / "tree" and (written.artifacts, written.payloads) == (2, 2)
    assert (tmp_path / "tree/storage/metadata" / f"{raw.artifact_id}.json").is_file()
    seen = custody.examine_original(tmp_path / "tree", timezone="Europe/Berlin")
    assert seen.dry_run and seen.ok and seen.artifacts == 2
    with ArtifactManager(tmp_path / "other") as other:
        told = []
        report = other.import_original(tmp_path / "tree", timezone="Europe/Berlin", progress=lambda *done: told.append(done))
        assert report.ok and (report.artifacts, report.payloads, report.links) == (2, 2, 1) and told
        assert other.get_artifact(made.artifact_id).source_artifacts == [raw.artifact_id]
        again = other.import_original(tmp_path / "tree", timezone="Europe/Berlin")
        assert (again.artifacts, again.artifacts_there) == (0, 2) and other.verify().ok
    with pytest.raises(custody.InvalidArgument):
        custody.examine_original(tmp_path / "tree", timezone="Nowhere/At all")


def test_backup_restore_and_repair(manager, tmp_path):
    made = manager.create_artifact(ArtifactType.LOG, content=b"log")
    backup = manager.backup(tmp_path / "backup")
    assert backup.ok and backup.complete and backup.payloads_copied == 1
    restored = custody.restore(tmp_path / "backup", tmp_path / "restored", "the disk failed")
    assert restored.left_epoch == backup.epoch and restored.payloads == 1
    with ArtifactManager(tmp_path / "restored", create=False) as other:
        assert other.open_payload(made.artifact_id).read() == b"log" and other.verify().ok
    blob, = [path for path in (tmp_path / "study/storage/blobs").rglob("*") if path.is_file()]
    blob.unlink()
    report = manager.repair(source=tmp_path / "backup")
    assert report.ok and not report.before.ok and report.repairs[0].kind == "payload" and report.refused is None
    assert {check.name for check in manager.doctor()} and all(isinstance(check.severity, Severity) for check in manager.doctor())


def test_sql_and_snapshots(manager, tmp_path):
    made = manager.create_artifact(ArtifactType.LOG, content=b"log", metadata={"n": 1})
    result = manager.sql("SELECT artifact_id, file_size, 0.5, NULL FROM review_artifacts")
    assert result.rows == [(made.artifact_id, 3, 0.5, None)] and len(result) == 1
    assert list(result)[0]["file_size"] == 3 and result.columns[0] == "artifact_id"
    assert manager.sql("SELECT * FROM review_audit", max_rows=1).truncated
    assert list(manager.sql("SELECT 1 AS a, 2 AS a, 3 AS b, 4 AS a_2, 5 AS a")) == [{"a": 1, "a_3": 2, "b": 3, "a_2": 4, "a_4": 5}]
    for wrong in ("DELETE FROM artifacts", "", "SELECT 1; SELECT 2", "PRAGMA user_version = 9"):
        with pytest.raises(ValueError):
            manager.sql(wrong)
    with pytest.raises(ValueError, match="time limit"):
        manager.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", time_limit=0.1)
    path = manager.snapshot(tmp_path / "review.db", include_text=False)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM review_artifacts").fetchone() == (1,)
    connection.close()
    with pytest.raises(FileExistsError):
        manager.snapshot(tmp_path / "review.db")


def test_a_data_frame(manager):
    pandas = pytest.importorskip("pandas")
    manager.create_artifact(ArtifactType.LOG, content=b"log")
    frame = pandas.DataFrame(manager.sql("SELECT artifact_id, file_size FROM review_artifacts"))
    assert list(frame.columns) == ["artifact_id", "file_size"] and frame["file_size"].sum() == 3


def test_making_and_opening(tmp_path):
    with pytest.raises(custody.StoreNotFound):
        ArtifactManager(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    assert custody.init(tmp_path / "group", group=True, phi_guard=False) and not custody.init(tmp_path / "group")
    assert (tmp_path / "group").stat().st_mode & 0o7777 == 0o2770
    assert custody.migrate(tmp_path / "group") == 0
    with ArtifactManager(str(tmp_path / "group"), create=False) as manager:
        manager.create_artifact(ArtifactType.METADATA, metadata={"patient_name": "fido"})
        assert repr(manager) == f"ArtifactManager({str(tmp_path / 'group')!r})"
    (tmp_path / "other/storage").mkdir(parents=True)
    sqlite3.connect(tmp_path / "other/storage/catalog.db").execute("CREATE TABLE t(a)").connection.close()
    with pytest.raises(custody.Error, match="another program"):
        ArtifactManager(tmp_path / "other")
    with pytest.raises(ValueError):
        ArtifactManager("")
    with pytest.raises(ValueError):
        ArtifactManager(tmp_path / "x", lock_timeout=-1)


def test_views_are_closed_with_their_store(tmp_path):
    manager = ArtifactManager(tmp_path / "study")
    anna = manager.acting(actor="anna")
    anna.create_artifact(ArtifactType.LOG)
    manager.close()
    with pytest.raises(custody.InvalidState):
        anna.list_artifacts()
    catalog = str(tmp_path / "study/storage/catalog.db")
    assert not [name for name in os.listdir("/proc/self/fd") if os.path.realpath(f"/proc/self/fd/{name}").startswith(catalog)]


def test_numbers_that_are_too_large_are_custodys_errors(manager):
    big = 2**62
    for call in (lambda: manager.create_artifact(ArtifactType.LOG, source_fd=big), lambda: manager.verify(threads=big),
                 lambda: manager.audit.export_months(to_seq=big), lambda: manager.cleanup(big),
                 lambda: manager.start_processing_run({}, time_to_live=big), lambda: manager.list_artifacts(limit=2**63)):
        with pytest.raises(ValueError):
            call()


def test_a_lock_that_is_held_is_a_timeout(tmp_path):
    with ArtifactManager(tmp_path / "study", lock_timeout=0.2) as manager:
        holder = sqlite3.connect(tmp_path / "study/storage/catalog.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimeoutError) as caught:
            manager.create_artifact(ArtifactType.LOG)
        assert isinstance(caught.value, custody.Busy)
        holder.execute("ROLLBACK")
        holder.close()
        manager.create_artifact(ArtifactType.LOG)


def test_metadata_comes_back_as_it_was_given(manager, tmp_path):
    given = {"z": 12345678901234567890123, "a": [1, 2.5, None, True, {"é": "ü\n"}], "empty": {}, "e": 1e300}
    made = manager.create_artifact(ArtifactType.LOG, metadata=given)
    assert made.metadata == given and list(made.metadata) == list(given) and manager.get_artifact(made.artifact_id) == made
    assert manager.create_artifact(ArtifactType.LOG).metadata == {} == manager.create_artifact(ArtifactType.LOG, metadata={}).metadata
    subprocess.run([os.environ["CUSTODY_COMMAND"], "--store", str(tmp_path / "study"), "add", "--type", "log", "--metadata",
                    ' \n {"spaced" : 1} ', "--quiet"], check=True, stdout=subprocess.DEVNULL)
    assert manager.list_artifacts(limit=1)[0].metadata == {"spaced": 1}


def test_the_command_line_sees_the_same(manager, tmp_path):
    made = manager.create_artifact(ArtifactType.LOG, content=b"log")
    said = subprocess.run([os.environ["CUSTODY_COMMAND"], "--store", str(tmp_path / "study"), "cat", made.artifact_id],
                          capture_output=True, check=True).stdout
    assert said == b"log"
    assert manager.audit.entries(action="stream")[-1].agent["program"] == "custody"
    assert made.created_at - manager.list_artifacts()[0].created_at == timedelta(0)
