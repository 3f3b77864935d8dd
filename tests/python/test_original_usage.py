"""Every block of the original's README, in its order, with `pipeline.artifacts` being one line that imports from custody."""

import importlib
import os
import pathlib
import re
import sys
from datetime import datetime
from pathlib import Path

import pytest

import custody

HERE = pathlib.Path(__file__).parent
ONE_LINE = ("from custody import ArtifactManager, ArtifactType, ArtifactStatus, ArtifactMetadata, ProcessingRun, AuditEntry, AuditTrail, "
            "ArtifactStorage\n")


def blocks():
    text = (HERE / "original_usage.md").read_text(encoding="utf-8")
    return re.findall(r"^## ([^\n]*)\n\n```python\n(.*?)^```$", text, re.M | re.S)


def test_the_readme_shows_the_one_line():
    readme = pathlib.Path(os.environ["CUSTODY_SOURCE"], "README.md").read_text(encoding="utf-8")
    assert ONE_LINE in readme


@pytest.fixture
def component(tmp_path, monkeypatch):
    """A component's folder: the package of one line, and the files that the blocks name."""
    package = tmp_path / "pipeline" / "artifacts"
    package.mkdir(parents=True)
    (tmp_path / "pipeline" / "__init__.py").write_text("")
    (package / "__init__.py").write_text(ONE_LINE)
    for name in ("patient_interview.mp4", "keypoints_output.csv", "output_blurred.mp4", "phi.json", "deid.txt"):
        (tmp_path / name).write_text(f"content of {name}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "pipeline"]:
        del sys.modules[name]


def test_every_block_runs_as_it_is_written(component, capsys):
    # What the text around the blocks takes for granted. (The folder that stands for one is one that may be written.)
    names = {"datetime": datetime, "Path": Path}
    folder = component / "storage_of_the_study"
    said = {}

    def run(heading, code):
        exec(compile(code.replace("/path/to/storage", str(folder)), heading, "exec"), names)
        said.setdefault(heading, "")
        said[heading] += capsys.readouterr().out

    assert len(blocks()) == 12
    for number, (heading, code) in enumerate(blocks()):
        if heading == "Creating Artifacts Without Files":
            manager = names["manager"]
            kinds = names["ArtifactType"]
            names["audio_artifact"] = manager.create_artifact(kinds.AUDIO_RAW, metadata={"channels": 1})
            names["raw_text_artifact"] = manager.create_artifact(kinds.TEXT_RAW, metadata={"language": "en"})
        if heading == "Tracking Relationships":
            names.update(video_id=names["video_artifact"].artifact_id, keypoints_id=names["keypoints_artifact"].artifact_id,
                         deid_video_id=names["deid_video_artifact"].artifact_id, artifact_id=names["deid_video_artifact"].artifact_id)
        if heading == "Video De-identification":
            names.update(video_path=Path("patient_interview.mp4"), keypoints_csv=Path("keypoints_output.csv"),
                         phi_json=Path("phi.json"), deid_text=Path("deid.txt"))
        run(heading, code)
    manager = names["manager"]
    assert isinstance(manager, importlib.import_module("pipeline.artifacts").ArtifactManager)

    # What the blocks promise.
    assert names["video_artifact"].status is custody.ArtifactStatus.COMPLETED
    assert said["Querying Artifacts"].splitlines()[:3] == ["Total artifacts: 6", "Type: video_deid", "Status: completed"]
    assert re.search(r"^Created: \d{4}-\d\d-\d\d", said["Querying Artifacts"], re.M)
    location = re.search(r"^File location: (.*)$", said["Querying Artifacts"], re.M).group(1)
    assert Path(location).read_text() == "content of output_blurred.mp4" and location.endswith("_output_blurred.mp4")
    assert "File size: 0.00 MB" in said["Querying Artifacts"]
    assert 0 < len(names["entries"]) <= 10 and all(entry["operation"] == "artifact_creation" for entry in names["entries"])
    assert [entry["action"] for entry in names["history"]][0] == "create"
    assert Path("audit_export.json").stat().st_size > 1000 and Path("audit_backup.json").stat().st_size > 1000
    assert said["Error Handling"] == "Failed to create artifact: Source file not found: missing_file.mp4\n"
    failed = manager.get_artifact(names["artifact_id"])
    assert failed.status.value == "failed" and failed.error_message == "name 'process_video' is not defined"
    lines = said["Statistics and Monitoring"].splitlines()
    assert lines[:3] == ["=== Storage Statistics ===", "Total size: 0.00 MB", "Total artifacts: 10"]
    assert lines[lines.index("=== Artifact Distribution ===") + 1] == "  audio_phi_intervals: 2"
    assert "  completed: 8" in lines and "  failed: 1" in lines and "  in_progress: 1" in lines
    assert lines[lines.index("=== Errors ===") + 1] == "Total errors: 1"
    assert said["Cleanup and Maintenance"] == "Removed 0 old artifacts\n"

    # The README's own diamond is no cycle: the raw video is reached in two ways, and is one dict.
    lineage = names["lineage"]
    raw, keypoints = lineage["sources"]
    assert keypoints["sources"] == [raw] and keypoints["sources"][0] is raw and "circular_reference" not in str(lineage)
    run = manager.list_runs()[0]
    assert run.status.value == "completed" and len(run.output_artifacts) == 3
    assert manager.verify().ok
