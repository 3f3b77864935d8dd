"""What newcomers ran into: slips of the hand must not lose anything, and failures must not become other ones."""

import hashlib
import os
import pickle
import shutil
import subprocess
from pathlib import Path

import pytest

import custody
from custody import ArtifactManager, ArtifactStatus, ArtifactType, NewArtifact

LOG = ArtifactType.LOG


def entries_of(manager):
    return [(entry.operation, entry.action, entry.outcome.value) for entry in manager.audit.entries()]


def test_copying_and_hashing_an_open_store_loses_nothing(tmp_path):
    store = tmp_path / "study"
    with ArtifactManager(store) as manager:
        made = [manager.create_artifact(LOG, content=b"first").artifact_id]
        for n in range(3):
            hashlib.sha256((store / "storage/catalog.db").read_bytes())
            shutil.copytree(store, tmp_path / f"copy{n}")
            # A reviewer's shell, which would remove the log if it took itself for the last one.
            subprocess.run(["sqlite3", store / "storage/catalog.db", "SELECT count(*) FROM review_artifacts"], check=True,
                           stdout=subprocess.DEVNULL)
            made += [manager.create_artifact(LOG, content=b"%d %d" % (n, i)).artifact_id for i in range(10)]
        with pytest.raises(custody.InvalidArgument, match="catalog"):
            manager.create_artifact(LOG, source_path=store / "storage/catalog.db")
    with ArtifactManager(store) as manager:
        assert {each.artifact_id for each in manager.list_artifacts()} == set(made)
        assert not manager.verify().findings


def test_many_from_whatever_can_be_gone_through(manager):
    wanted = [NewArtifact(LOG, content=b"%d" % n) for n in range(3)]
    for given in (iter(wanted), (each for each in wanted), tuple(wanted)):
        assert len(manager.create_artifacts(given)) == 3
    before = len(entries_of(manager))
    for wrong in (None, wanted[0], [1], 5):
        with pytest.raises(custody.InvalidArgument, match="NewArtifact"):
            manager.create_artifacts(wrong)
    assert len(manager.list_artifacts()) == 9
    assert len(entries_of(manager)) == before + 4 + 2  # each of these, and what has looked meanwhile


def test_a_message_that_is_no_text_ends_a_run_all_the_same(manager):
    name = os.fsdecode(b"/tmp/patient-\xff.mp4")
    with pytest.raises(RuntimeError, match="blur"):
        with manager.start_processing_run() as run:
            raise RuntimeError(f"can't blur {name} {'x' * 100_000}")
    assert run.record().status is ArtifactStatus.FAILED
    assert run.record().error_message.startswith("can't blur /tmp/patient-\ufffd.mp4 xxx")
    assert manager.current_run is None
    made = manager.create_artifact(LOG)
    assert manager.update_artifact_status(made.artifact_id, ArtifactStatus.FAILED, name).error_message == "/tmp/patient-\ufffd.mp4"


def test_a_forked_child_leaves_its_parents_run_alone(manager):
    with manager.start_processing_run() as run:
        child = os.fork()
        if child == 0:
            try:
                with run:
                    raise SystemExit(0)
            except SystemExit:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert run.record().status is ArtifactStatus.IN_PROGRESS
        assert manager.create_artifact(LOG).run_id == run.run_id
    assert run.record().status is ArtifactStatus.COMPLETED


def test_a_run_that_somebody_else_has_ended_is_let_go_of(manager, tmp_path):
    outer = manager.start_processing_run()
    with pytest.raises(custody.Conflict):
        with manager.start_processing_run() as run:
            with ArtifactManager(tmp_path / "study") as other:
                other.end_processing_run(run=run.run_id)
            with pytest.raises(custody.Conflict):
                manager.create_artifact(LOG)
    assert manager.current_run is outer
    assert manager.create_artifact(LOG).run_id == outer.run_id


def test_an_export_replaces_files_and_nothing_else(manager, tmp_path):
    real = tmp_path / "real.json"
    real.write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(real)
    assert manager.audit.export_audit_trail(link) == link
    assert link.is_symlink() and real.read_text().startswith("[")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for wrong in (pipe, "/dev/null", tmp_path):
        with pytest.raises(custody.InvalidArgument, match="no regular file"):
            manager.audit.export_audit_trail(wrong)
    assert not Path("/dev/null").is_file()


def test_a_failed_call_leaves_one_entry(manager, tmp_path):
    made = manager.create_artifact(LOG, content=b"x").artifact_id
    (tmp_path / "there").write_text("x")
    with pytest.raises(custody.FileExists):
        manager.checkout(made, tmp_path / "there")
    with pytest.raises(custody.InvalidArgument):
        manager.audit.export_audit_trail(tmp_path / "new.json", artifact_id="x")
    assert entries_of(manager)[-2:] == [("artifact_access", "checkout", "failed"), ("audit_access", "export", "refused")]


def test_arguments_of_a_wrong_kind_are_custodys_errors(manager, tmp_path):
    for call in (lambda: manager.create_artifact(LOG, Path("\ud800")), lambda: ArtifactManager("\ud800"),
                 lambda: manager.audit.export_audit_trail("\ud800"), lambda: manager.audit.prove(None),
                 lambda: manager.audit.prove("1"), lambda: manager.audit.prove(2**63), lambda: manager.audit.redact("1", "r"),
                 lambda: manager.audit.redact(None, "r"), lambda: manager.verify(sample_percent="x"),
                 lambda: manager.verify(sample_percent=None), lambda: manager.audit.verify([5]), lambda: manager.audit.verify("key"),
                 lambda: manager.verify(sample_percent=0), lambda: custody.verify_audit_files(tmp_path, "abc"),
                 lambda: custody.verify_audit_files(tmp_path, [5])):
        with pytest.raises(custody.InvalidArgument):
            call()


class Mine(ArtifactManager):
    def __init__(self, path):
        super().__init__(path)
        self.prefix = "mine"


def test_derived_managers_keep_what_is_theirs(tmp_path):
    with Mine(tmp_path / "study") as manager:
        assert manager.acting(actor="anna").prefix == "mine"
        with pickle.loads(pickle.dumps(manager)) as other:
            assert other.prefix == "mine"
            assert other.list_artifacts() == []


def test_a_key_is_followed_by_one_that_it_names(manager, tmp_path):
    manager.audit.make_signing_key(tmp_path / "first")
    with pytest.raises(custody.InvalidArgument, match="lost"):
        manager.audit.make_signing_key(tmp_path / "second")
    manager.audit.make_signing_key(tmp_path / "second", current_key=tmp_path / "first")
    manager.audit.make_signing_key(tmp_path / "third", is_lost=True)
    with pytest.raises(custody.InvalidArgument, match="no file of checkpoints"):
        manager.audit.seal(signing_key=tmp_path / "third", anchor=tmp_path / "third")
    manager.audit.seal(signing_key=tmp_path / "third", anchor=tmp_path / "anchor")
