"""What custody is measured against: the original's contract in plain Python, as one would write it in an afternoon.

A JSON file an artifact, copies in artifacts/<type>/, SHA-256 by a second pass over the copy, one JSON line a change in a monthly file.
Nothing is synced, nothing is atomic, and reads leave no trace: it is quick where it can be.
"""

import hashlib
import json
import shutil
import threading
import uuid
from datetime import datetime
from pathlib import Path

CHUNK_BYTES = 4096


class PlainStore:
    def __init__(self, base_path):
        self.base = Path(base_path)
        self.artifacts = self.base / "storage" / "artifacts"
        self.metadata = self.base / "storage" / "metadata"
        self.audit = self.base / "audit"
        for folder in (self.artifacts, self.metadata, self.audit):
            folder.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()

    def _path(self, artifact_id):
        return self.metadata / f"{artifact_id}.json"

    def _record(self, operation, action, artifact_id, details, success=True, error_message=None):
        now = datetime.now()
        entry = {"entry_id": str(uuid.uuid4()), "timestamp": now.isoformat(), "operation": operation, "artifact_id": artifact_id,
                 "user": None, "module": None, "action": action, "details": details, "success": success,
                 "error_message": error_message}
        with self.lock, open(self.audit / f"audit_{now:%Y%m}.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def create_artifact(self, artifact_type, source_path=None, source_artifacts=None, processing_module=None, metadata=None):
        artifact_id, now = str(uuid.uuid4()), datetime.now().isoformat()
        artifact = {"artifact_id": artifact_id, "artifact_type": artifact_type, "status": "completed", "created_at": now,
                    "updated_at": now, "source_artifacts": source_artifacts or [], "processing_module": processing_module,
                    "processing_version": None, "file_path": None, "file_size": None, "checksum": None, "metadata": metadata or {},
                    "error_message": None}
        if source_path is not None:
            folder = self.artifacts / artifact_type
            folder.mkdir(exist_ok=True)
            copy = folder / f"{artifact_id}_{source_path.name}"
            shutil.copy2(source_path, copy)
            digest = hashlib.sha256()
            with open(copy, "rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
            artifact.update(file_path=str(copy), file_size=copy.stat().st_size, checksum=digest.hexdigest())
        self._path(artifact_id).write_text(json.dumps(artifact, indent=2))
        self._record("artifact_creation", "create", artifact_id, {"artifact_type": artifact_type})
        return artifact

    def get_artifact(self, artifact_id):
        path = self._path(artifact_id)
        return json.loads(path.read_text()) if path.exists() else None

    def list_artifacts(self, artifact_type=None, status=None):
        found = []
        for path in self.metadata.glob("*.json"):
            artifact = json.loads(path.read_text())
            if artifact_type in (None, artifact["artifact_type"]) and status in (None, artifact["status"]):
                found.append(artifact)
        return found

    def get_artifact_history(self, artifact_id):
        entries = []
        for path in sorted(self.audit.glob("audit_*.jsonl")):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    entry = json.loads(line)
                    if entry["artifact_id"] == artifact_id:
                        entries.append(entry)
        return entries

    def get_statistics(self):
        by_type, by_status, size = {}, {}, 0
        for artifact in self.list_artifacts():
            by_type[artifact["artifact_type"]] = by_type.get(artifact["artifact_type"], 0) + 1
            by_status[artifact["status"]] = by_status.get(artifact["status"], 0) + 1
            size += artifact["file_size"] or 0
        return {"total_size_bytes": size, "by_type": by_type, "by_status": by_status}

    def get_artifact_lineage(self, artifact_id):
        artifact = self.get_artifact(artifact_id)
        if artifact is None:
            return {"artifact_id": artifact_id, "not_found": True}
        return {"artifact_id": artifact_id, "type": artifact["artifact_type"], "status": artifact["status"],
                "created_at": artifact["created_at"], "processing_module": artifact["processing_module"],
                "sources": [self.get_artifact_lineage(source) for source in artifact["source_artifacts"]]}
