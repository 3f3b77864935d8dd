"""The package itself: what it shows, how it is typed, and with what it doesn't share a process."""

import enum
import inspect
import os
import pathlib
import pickle
import subprocess

import pytest

import custody

COMMAND = os.environ["CUSTODY_COMMAND"]


def test_it_has_the_librarys_version():
    said = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True).stdout
    assert custody.__version__ in said


def test_it_is_typed_and_documented():
    folder = pathlib.Path(custody.__file__).parent
    assert (folder / "py.typed").exists()
    undocumented = []
    for name in custody.__all__:
        value = getattr(custody, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            if not inspect.getdoc(value):
                undocumented.append(name)
            hints = value.__init__ if inspect.isclass(value) else value
            if inspect.isfunction(value):
                assert "return" in inspect.get_annotations(hints), name
    assert undocumented == []
    for kind in (custody.ArtifactManager, custody.AuditTrail, custody.ArtifactStorage, custody.ProcessingRun):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                assert "return" in inspect.get_annotations(method) and method.__doc__, f"{kind.__name__}.{name}"


def test_enums_are_enums_with_the_originals_values():
    assert [kind.value for kind in custody.ArtifactType] == [
        "video_raw", "video_keypoints", "video_deid", "audio_raw", "audio_phi_intervals", "audio_deid", "audio_transcript", "text_raw",
        "text_deid", "metadata", "log"]
    assert [status.value for status in custody.ArtifactStatus] == ["pending", "in_progress", "completed", "failed", "archived"]
    assert all(kind.name == kind.value.upper() for kind in custody.ArtifactType)
    assert issubclass(custody.ArtifactType, enum.Enum)
    with pytest.raises(ValueError):
        custody.ArtifactType("no_such_type")


def test_types_of_a_store_are_members_too():
    scan = custody.ArtifactType.of("ct_scan")
    assert scan is custody.ArtifactType.of("ct_scan") and scan.value == "ct_scan" and isinstance(scan, custody.ArtifactType)
    assert scan not in list(custody.ArtifactType)
    assert pickle.loads(pickle.dumps(scan)) is scan
    for wrong in ("Not a name", "", "x" * 64, 7, None):
        with pytest.raises(ValueError):
            custody.ArtifactType.of(wrong)


def test_exceptions_are_custodys_and_what_the_original_raised():
    expected = {"InvalidArgument": ValueError, "UnserializableMetadata": TypeError, "NotFound": LookupError, "Refused": ValueError,
                "Busy": TimeoutError, "IoError": OSError, "SourceNotFound": FileNotFoundError,
                "SourceIsDirectory": IsADirectoryError, "StoreNotFound": FileNotFoundError, "InvalidState": RuntimeError}
    for name, base in expected.items():
        kind = getattr(custody, name)
        assert issubclass(kind, custody.Error) and issubclass(kind, base), name
    error = pickle.loads(pickle.dumps(custody.errors._io_error("Source file not found: a", 2, "SourceNotFound")))
    assert isinstance(error, custody.SourceNotFound) and str(error) == "Source file not found: a" and error.errno == 2
    refused = pickle.loads(pickle.dumps(custody.Refused("no", "key_name")))
    assert (str(refused), refused.rule) == ("no", "key_name")


class TestASecondSqlite:
    def test_the_package_refuses_to_be_imported_beside_one_and_says_why(self, run_python):
        said = run_python("""
            import ctypes, sys
            ctypes.CDLL(sys.argv[1])
            try:
                import custody
            except ImportError as error:
                print(error)
        """, os.environ["SECOND_SQLITE"]).stdout
        assert "more than one copy of SQLite" in said and os.environ["SECOND_SQLITE"] in said and "lost" in said

    def test_it_takes_the_one_that_pythons_own_module_has(self, run_python):
        said = run_python("""
            import custody, sqlite3
            from custody import _custody
            engines = _custody.engines_in_process()
            print(len(engines), engines[0])
        """).stdout
        assert said.startswith("1 ") and "libsqlite3.so" in said

    def test_what_the_refusal_prevents(self, tmp_path, run_python):
        """A second copy doesn't see the locks that the first has, since they are the process's: a checkpoint by it in the midst of
        a commit spoils the catalog, where one by the same copy waits."""
        program = """
            import ctypes, os, sqlite3, sys, threading, time
            import custody
            store, second, spoil = sys.argv[1:]
            catalog = store + "/storage/catalog.db"
            looks = ctypes.CDLL(second)  # after the import, which would have refused it
            over = threading.Event()

            def by_the_same():
                connection = sqlite3.connect(catalog, timeout=0)
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.close()

            def keep_house():
                while not over.is_set():
                    looks.checkpoint(os.fsencode(catalog)) if spoil == "yes" else by_the_same()
                    time.sleep(0.0005)

            manager = custody.ArtifactManager(store, lock_timeout=2)
            housekeeper = threading.Thread(target=keep_house)
            housekeeper.start()
            acknowledged = 0
            try:
                for n in range(200):
                    manager.create_artifact("log", metadata={"n": n})
                    acknowledged += 1
            except Exception:
                pass  # it has noticed
            over.set()
            housekeeper.join()
            print(acknowledged)
            sys.stdout.flush()
            os._exit(0)  # as if it were killed
        """
        whole = {}
        for spoil in ("no", "yes"):
            store = tmp_path / spoil
            acknowledged = int(run_python(program, store, os.environ["SECOND_SQLITE"], spoil).stdout)
            try:
                with custody.ArtifactManager(store, diagnose=True) as manager:
                    whole[spoil] = manager.verify().ok and len(manager.list_artifacts()) >= acknowledged == 200
            except custody.Error:
                whole[spoil] = False
        assert whole == {"no": True, "yes": False}
