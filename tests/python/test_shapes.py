"""Dictionaries have the keys, in the order, and the types that were recorded from the original."""

import json
from datetime import datetime
from pathlib import Path

import custody
from custody import ArtifactStatus, ArtifactType

TYPES = {kind.value for kind in ArtifactType}

STATISTICS = {
    "storage": {"total_size_bytes": int, "total_size_mb": float, "artifact_counts": dict, "total_artifacts": int},
    "artifacts": {"total": int, "by_status": dict, "by_type": dict},
    "audit": {"total_errors": int, "errors_by_operation": dict},
}
ENTRY = {"entry_id": str, "timestamp": str, "operation": str, "artifact_id": (str, type(None)), "user": str,
         "module": (str, type(None)), "action": str, "details": dict, "success": bool, "error_message": (str, type(None))}
LINEAGE = {"artifact_id": str, "type": str, "status": str, "created_at": str, "processing_module": (str, type(None)), "sources": list}
SUMMARY = {"total_errors": int, "errors_by_operation": dict, "errors_by_module": dict, "unique_error_messages": list,
           "time_range": {"start": (str, type(None)), "end": (str, type(None))}}
METADATA = {"artifact_id": str, "artifact_type": str, "status": str, "created_at": str, "updated_at": str, "source_artifacts": list,
            "processing_module": (str, type(None)), "processing_version": (str, type(None)), "file_path": (str, type(None)),
            "file_size": (int, type(None)), "checksum": (str, type(None)), "metadata": dict, "error_message": (str, type(None))}


def check(value, shape, where="it"):
    assert type(value) is dict and list(value) == list(shape), where
    for key, kind in shape.items():
        if isinstance(kind, dict):
            check(value[key], kind, f"{where}[{key}]")
        else:
            assert type(value[key]) in (kind if isinstance(kind, tuple) else (kind,)), f"{where}[{key}] is {value[key]!r}"


def fill(manager, video):
    raw = manager.create_artifact(ArtifactType.VIDEO_RAW, source_path=video, processing_module="input_handler")
    keypoints = manager.create_artifact(ArtifactType.VIDEO_KEYPOINTS, source_artifacts=[raw.artifact_id], content=b"1,2",
                                        file_name="keypoints.csv")
    deid = manager.create_artifact(ArtifactType.VIDEO_DEID, source_artifacts=[raw.artifact_id, keypoints.artifact_id],
                                   content=b"blurred", file_name="blurred.mp4", processing_module="video_deid.blur")
    try:
        manager.create_artifact(ArtifactType.VIDEO_RAW, source_path=Path("missing.mp4"), processing_module="input_handler")
    except FileNotFoundError:
        pass
    manager.update_artifact_status(keypoints.artifact_id, ArtifactStatus.FAILED, error_message="no people")
    return raw, keypoints, deid


def test_statistics(manager, video):
    fill(manager, video)
    statistics = manager.get_statistics()
    check(statistics, STATISTICS)
    assert set(statistics["storage"]["artifact_counts"]) == TYPES
    assert statistics["storage"]["artifact_counts"]["audio_raw"] == 0
    assert statistics["artifacts"] == {"total": 3, "by_status": {"completed": 2, "failed": 1},
                                       "by_type": {"video_raw": 1, "video_keypoints": 1, "video_deid": 1}}
    assert statistics["audit"] == {"total_errors": 1, "errors_by_operation": {"artifact_storage": 1}}


def test_statistics_without_audit(tmp_path, video):
    with custody.ArtifactManager(tmp_path / "quiet", enable_audit=False) as manager:
        fill(manager, video)
        assert list(manager.get_statistics()) == ["storage", "artifacts"]
        assert manager.enable_audit is False
        assert manager.statistics().total_errors is None


def test_audit_entries(manager, video):
    raw, keypoints, _ = fill(manager, video)
    with manager.start_processing_run({"pipeline": "video_deid"}):
        pass
    manager.get_artifact_file(raw.artifact_id)
    for entry in [*manager.audit.query_audit_trail(), *manager.audit.get_artifact_history(raw.artifact_id)]:
        check(entry, ENTRY)
        assert datetime.fromisoformat(entry["timestamp"]).tzinfo is not None
    pairs = {(entry["operation"], entry["action"]) for entry in manager.audit.query_audit_trail()}
    assert {("processing_run", "start"), ("processing_run", "end"), ("artifact_storage", "store"), ("artifact_creation", "create"),
            ("artifact_update", "update_status"), ("artifact_access", "get_file")} <= pairs
    update, = manager.audit.query_audit_trail(operation="artifact_update")
    assert update["success"] is False and update["details"]["old_status"] == "completed"
    assert update["details"]["new_status"] == "failed" and update["details"]["error_message"] == "no people"
    failed, = manager.audit.query_audit_trail(operation="artifact_storage", success=False)
    assert failed["artifact_id"] is None and failed["error_message"].startswith("Source file not found")


def test_the_newest_entries_oldest_first(manager):
    ids = [manager.create_artifact(ArtifactType.LOG, metadata={"n": n}).artifact_id for n in range(8)]
    newest = manager.audit.query_audit_trail(operation="artifact_creation", limit=5)
    assert [entry["artifact_id"] for entry in newest] == ids[-5:]
    assert [entry["artifact_id"] for entry in manager.audit.query_audit_trail(operation="artifact_creation")[-5:]] == ids[-5:]


def test_error_summary(manager, video):
    empty = manager.audit.get_error_summary()
    check(empty, SUMMARY)
    assert empty["time_range"] == {"start": None, "end": None}
    fill(manager, video)
    summary = manager.audit.get_error_summary()
    check(summary, SUMMARY)
    assert summary["errors_by_module"] == {"input_handler": 1}
    assert summary["unique_error_messages"] == ["Source file not found: missing.mp4"]


def test_lineage(manager, video):
    raw, keypoints, deid = fill(manager, video)
    lineage = manager.get_artifact_lineage(deid.artifact_id)
    for form in (lineage, *lineage["sources"]):
        check(form, LINEAGE)
    assert lineage["sources"][0] is lineage["sources"][1]["sources"][0]  # shared, and no cycle
    unknown = "00000000-0000-4000-8000-000000000000"
    assert manager.get_artifact_lineage(unknown) == {"artifact_id": unknown, "not_found": True}
    assert manager.get_artifact_lineage("nonsense") == {"artifact_id": "nonsense", "not_found": True}


def test_a_lineage_as_deep_as_one_likes_and_its_limit(manager):
    """300, and the 1,200 that the original died of; dicts are shared, so 2^40 ways are 81 dicts."""
    last = None
    ids = []
    for n in range(1200):
        last = manager.create_artifact(ArtifactType.LOG, source_artifacts=[last.artifact_id] if last else [], metadata={"n": n})
        ids.append(last.artifact_id)
    form, depth = manager.get_artifact_lineage(last.artifact_id), 0
    while form["sources"]:
        form, = form["sources"]
        depth += 1
    assert depth == 1199 and form["artifact_id"] == ids[0]
    cut = manager.get_artifact_lineage(last.artifact_id, max_depth=3)
    assert cut["truncated"] is True
    assert cut["sources"][0]["sources"][0]["sources"][0]["sources"] == []

    top = [last.artifact_id]
    for n in range(40):
        pair = [manager.create_artifact(ArtifactType.LOG, source_artifacts=top, metadata={"n": n}).artifact_id for _ in range(2)]
        top = pair
    seen, waiting = {}, [manager.get_artifact_lineage(top[0], max_depth=40)]
    while waiting:
        form = waiting.pop()
        if id(form) not in seen:
            seen[id(form)] = form
            waiting += form["sources"]
    assert len(seen) == 80


def test_an_artifact(manager, video):
    raw, keypoints, deid = fill(manager, video)
    for artifact in (raw, manager.get_artifact(deid.artifact_id), *manager.list_artifacts()):
        check(artifact.to_dict(), METADATA)
        assert json.loads(json.dumps(artifact.to_dict()))["artifact_id"] == artifact.artifact_id
        assert artifact.created_at.tzinfo is not None and artifact.created_at.utcoffset().total_seconds() == 0
        assert artifact.file_path.is_absolute() and isinstance(artifact.file_path, Path)
        same = custody.ArtifactMetadata.from_dict(artifact.to_dict())
        assert same.to_dict() == artifact.to_dict()
    linked = manager.get_artifact(deid.artifact_id)
    assert linked.source_artifacts == [raw.artifact_id, keypoints.artifact_id]
    assert linked.metadata["derived_from_artifacts"] == linked.source_artifacts


def test_exports(manager, video, tmp_path):
    fill(manager, video)
    path = manager.audit.export_audit_trail(output_path=tmp_path / "trail.json", format="json")
    assert path == tmp_path / "trail.json"
    entries = json.loads(path.read_text())
    assert list(entries[0])[:10] == list(ENTRY)
    assert path.read_text().startswith('[\n  {\n    "entry_id"')
    first = path.read_bytes()
    manager.audit.export_audit_trail(output_path=tmp_path / "trail.json")  # as the original: in place of the one before
    assert path.read_bytes() != first and json.loads(path.read_text())[: len(entries)] == entries
    assert sorted(file.name for file in tmp_path.iterdir() if "trail" in file.name) == ["trail.json"]
    csv = manager.audit.export_audit_trail(tmp_path / "trail.csv", format="csv").read_text()
    assert csv.startswith("entry_id,timestamp,operation,artifact_id,user,module,action,details,success,error_message")
    nothing = manager.audit.export_audit_trail(tmp_path / "nothing.csv", operation="no_such", format="csv").read_text()
    assert nothing.count("\n") == 1  # a header all the same
