"""What callers of the original rely on: names, arguments, defaults, answers for what is not there, and exceptions."""

import inspect
import logging
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import custody
from custody import ArtifactManager, ArtifactStatus, ArtifactType

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def parameters(function):
    return [(name, parameter.default) for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is not inspect.Parameter.KEYWORD_ONLY and name != "self"]


def test_names_arguments_and_defaults():
    empty = inspect.Parameter.empty
    assert parameters(ArtifactManager) == [("base_path", empty), ("enable_audit", True), ("auto_cleanup", False)]
    assert [name for name, _ in parameters(ArtifactManager.create_artifact)] == [
        "artifact_type", "source_path", "source_artifacts", "processing_module", "processing_version", "metadata"]
    assert parameters(ArtifactManager.update_artifact_status) == [("artifact_id", empty), ("status", empty), ("error_message", None)]
    assert parameters(ArtifactManager.link_artifacts) == [
        ("source_artifact_ids", empty), ("output_artifact_id", empty), ("relationship", "derived_from")]
    assert parameters(ArtifactManager.list_artifacts) == [("artifact_type", None), ("status", None), ("run_id", None)]
    assert parameters(ArtifactManager.cleanup_old_artifacts) == [("days_old", 30)]
    assert parameters(ArtifactManager.end_processing_run)[0] == ("status", ArtifactStatus.COMPLETED)
    assert [name for name, _ in parameters(custody.AuditTrail.query_audit_trail)] == [
        "start_time", "end_time", "operation", "action", "artifact_id", "user", "module", "success", "limit"]
    assert parameters(custody.AuditTrail.export_audit_trail) == [
        ("output_path", empty), ("start_time", None), ("end_time", None), ("format", "json")]


def test_attributes(manager, tmp_path):
    assert isinstance(manager.storage, custody.ArtifactStorage) and isinstance(manager.audit, custody.AuditTrail)
    assert manager.enable_audit is True and manager.current_run is None and isinstance(manager.logger, logging.Logger)
    assert manager.base_path == tmp_path / "study" and manager.base_path.is_absolute()
    assert (tmp_path / "study" / "storage").is_dir()
    assert [field for field in custody.ArtifactMetadata.__dataclass_fields__][:13] == [
        "artifact_id", "artifact_type", "status", "created_at", "updated_at", "source_artifacts", "processing_module",
        "processing_version", "file_path", "file_size", "checksum", "metadata", "error_message"]


def test_a_relative_base_path_outlives_chdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ArtifactManager("study") as manager:
        monkeypatch.chdir("/")
        artifact = manager.create_artifact(ArtifactType.LOG, content=b"x")
        assert manager.get_artifact_file(artifact.artifact_id).parent == tmp_path / "study/storage/artifacts/log"


def test_unknown_ids(manager, caplog):
    for value in (UNKNOWN, "nonsense", "../../etc/passwd", ""):
        assert manager.get_artifact(value) is None
        assert manager.get_artifact_file(value) is None
        history = manager.audit.get_artifact_history(value)  # of an id, what was looked for is told
        assert {entry["action"] for entry in history} <= ({"get_metadata", "get_file"} if value == UNKNOWN else set())
        caplog.clear()
        assert manager.update_artifact_status(value, ArtifactStatus.FAILED) is None
        assert "Artifact not found" in caplog.text
        caplog.clear()
        assert manager.link_artifacts([value], UNKNOWN) is None
        assert "Artifact not found" in caplog.text
    # Looking for them is no error, changing them is one.
    lookups = manager.audit.entries(operation="artifact_access")
    assert all(entry.success for entry in lookups)
    assert {entry.outcome for entry in lookups if entry.action != "history"} == {custody.Outcome.NOT_FOUND}
    assert manager.get_statistics()["audit"]["errors_by_operation"] == {"artifact_update": 4, "artifact_link": 4}


def test_no_run_to_end(manager, caplog):
    assert manager.end_processing_run() is None
    assert "No active processing run" in caplog.text


def test_exceptions(manager, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "study")
    (tmp_path / "file").write_text("x")
    (tmp_path / "linked_file").symlink_to(tmp_path / "file")
    create = manager.create_artifact
    video = ArtifactType.VIDEO_RAW
    cases = [
        (FileNotFoundError, "^Source file not found: ", lambda: create(video, source_path=tmp_path / "missing.mp4")),
        (IsADirectoryError, "", lambda: create(video, source_path=tmp_path)),
        (ValueError, "Path", lambda: create(video, source_path=str(tmp_path / "file"))),
        (ValueError, "Path", lambda: create(video, source_path=0)),
        (ValueError, "dict", lambda: create(video, metadata=[1])),
        (ValueError, "dict", lambda: create(video, metadata="x")),
        (ValueError, "dict", lambda: create(video, metadata=())),
        (ValueError, "list", lambda: create(video, source_artifacts=UNKNOWN)),
        (ValueError, "list", lambda: create(video, source_artifacts=(UNKNOWN,))),
        (ValueError, "ids", lambda: create(video, source_artifacts=[7])),
        (custody.NotFound, "link", lambda: create(video, source_artifacts=["nonsense"])),
        (custody.NotFound, "link", lambda: create(video, source_artifacts=[UNKNOWN])),
        (ValueError, "symbolic", lambda: create(video, source_path=tmp_path / "linked_file")),
        (TypeError, "JSON", lambda: create(video, metadata={"when": datetime.now()})),
        (ValueError, "JSON", lambda: create(video, metadata={"x": float("nan")})),
        (ValueError, "surrogate|JSON", lambda: create(video, metadata={"x": "\ud800"})),
        (ValueError, "type", lambda: create("No Type")),
        (ValueError, "registered", lambda: create("never_registered")),
        (ValueError, "text", lambda: create(video, processing_module=7)),
    ]
    blobs = list((tmp_path / "study/storage/blobs").rglob("*"))
    for number, (kind, words, call) in enumerate(cases, 1):
        with pytest.raises(kind, match=words) as caught:
            call()
        assert isinstance(caught.value, custody.Error)
        # Each left one entry, and nothing else.
        assert len(manager.audit.query_audit_trail(operation="artifact_storage", action="store", success=False)) == number, words
    assert manager.list_artifacts() == []
    assert list((tmp_path / "study/storage/blobs").rglob("*")) == blobs

    trail = manager.audit
    with pytest.raises(ValueError, match="export format"):
        trail.export_audit_trail(tmp_path / "x.xml", format="xml")
    assert not (tmp_path / "x.xml").exists()
    for call in (lambda: manager.cleanup_old_artifacts(-1), lambda: manager.cleanup_old_artifacts(0.5),
                 lambda: manager.list_artifacts(artifact_type=""), lambda: manager.list_artifacts(status=0),
                 lambda: manager.list_artifacts(run_id=""), lambda: manager.get_artifact(0), lambda: manager.get_artifact(None),
                 lambda: trail.query_audit_trail(start_time="2026-01-01"), lambda: trail.query_audit_trail(limit=-1),
                 lambda: trail.query_audit_trail(success=0), lambda: manager.start_processing_run([])):
        before = len(trail.entries(outcome="refused"))
        with pytest.raises(ValueError):
            call()
        assert len(trail.entries(outcome="refused")) == before + 1


def test_a_type_given_as_text_is_understood(manager):
    made = manager.create_artifact("log", metadata={})
    assert made.artifact_type is ArtifactType.LOG
    assert manager.list_artifacts(artifact_type="log", status="completed") == [made]
    assert manager.list_artifacts("video_raw") == []


def test_times(manager):
    made = manager.create_artifact(ArtifactType.LOG)
    assert made.created_at.tzinfo is timezone.utc
    hour = timedelta(hours=1)
    local = made.created_at.astimezone().replace(tzinfo=None)  # naive: local time
    far = made.created_at.astimezone(timezone(timedelta(hours=9)))
    for start, end in ((local - hour, local + hour), (far - hour, far + hour)):
        assert manager.list_artifacts(since=start, until=end) == [made]
        assert len(manager.audit.query_audit_trail(start_time=start, end_time=end, operation="artifact_creation")) == 1
    assert manager.list_artifacts(since=local + hour) == []
    assert manager.audit.query_audit_trail(start_time=far + hour) == []
    assert manager.list_artifacts(since=datetime.min.replace(tzinfo=timezone.utc)) == [made]


def test_files_keep_their_names(manager, tmp_path):
    source = tmp_path / "patient interview (1).mp4"
    source.write_bytes(b"picture")
    made = manager.create_artifact(ArtifactType.VIDEO_RAW, source_path=source)
    path = manager.get_artifact_file(made.artifact_id)
    assert path.is_absolute() and path.exists() and path.suffix == ".mp4" and path.name.startswith(made.artifact_id + "_")
    assert path == made.file_path and path.read_bytes() == b"picture"
    assert source.exists()
    bare = manager.create_artifact(ArtifactType.METADATA, metadata={"a": 1})
    assert bare.status is ArtifactStatus.COMPLETED and bare.file_path is None and manager.get_artifact_file(bare.artifact_id) is None


def test_first_characters_differ(manager):
    made = manager.create_artifacts([custody.NewArtifact(ArtifactType.LOG, metadata={"n": n}) for n in range(300)])
    assert len({artifact.artifact_id[:8] for artifact in made}) == 300


def test_links(manager):
    one, two, three = (manager.create_artifact(ArtifactType.LOG, metadata={"n": n}).artifact_id for n in range(3))
    assert manager.link_artifacts(source_artifact_ids=[one, two], output_artifact_id=three) == 2
    assert manager.link_artifacts([one], three) == 0  # it is there already
    assert manager.link_artifacts([one], three, relationship="checked_with") == 1
    linked = manager.get_artifact(three)
    assert linked.source_artifacts == [one, two]
    assert linked.metadata == {"n": 2, "derived_from_artifacts": [one, two], "checked_with_artifacts": [one]}
    for sources, output in (([three], three), ([three], one)):
        with pytest.raises(custody.Conflict):
            manager.link_artifacts(sources, output)


def test_recovery_clears_the_message_and_not_every_change_is_allowed(manager):
    made = manager.create_artifact(ArtifactType.LOG)
    failed = manager.update_artifact_status(made.artifact_id, ArtifactStatus.FAILED, error_message="codec")
    assert failed.error_message == "codec"
    assert manager.update_artifact_status(made.artifact_id, ArtifactStatus.IN_PROGRESS).error_message is None
    with pytest.raises(custody.Conflict):
        manager.update_artifact_status(made.artifact_id, ArtifactStatus.ARCHIVED)
    assert custody.transition_allowed(ArtifactStatus.COMPLETED, ArtifactStatus.ARCHIVED)
    assert not custody.transition_allowed(ArtifactStatus.PENDING, ArtifactStatus.ARCHIVED)


def test_cleanup(manager, video):
    made = manager.create_artifact(ArtifactType.VIDEO_RAW, source_path=video)
    assert manager.cleanup_old_artifacts() == 0
    assert manager.cleanup_old_artifacts(days_old=0) == 1
    gone = manager.get_artifact(made.artifact_id)
    assert gone.file_path is None and gone.removed_at is not None and gone.checksum == made.checksum
    assert manager.get_artifact_file(made.artifact_id) is None


def test_temp_files(tmp_path):
    with ArtifactManager(tmp_path / "study", auto_cleanup=True) as manager:
        scratch = manager.storage.temp_folder() / "frame.png"
        scratch.write_bytes(b"x")
        with manager.start_processing_run({}):
            assert scratch.exists()
        assert not scratch.exists()
        scratch.write_bytes(b"x")
        assert manager.storage.cleanup_temp() == 1
        assert manager.storage.temp_path in scratch.parents and isinstance(scratch, Path)
