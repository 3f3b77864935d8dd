"""calls.py BENCH_CALLS [ROUNDS]: what a call costs through Python beyond what it costs in C++, in microseconds of the calling thread's
processor time, which the disk and other programs don't drown; medians of five.

Run it with PYTHONPATH=<build>/python, on a folder in memory (TMPDIR=/dev/shm).
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from custody import ArtifactManager, ArtifactType

REPEATS = 5


def in_cpp(program, store, rounds):
    said = subprocess.run([program, store, str(rounds)], capture_output=True, text=True, check=True).stdout
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in said.splitlines()}


def in_python(store, rounds):
    with ArtifactManager(store) as manager:
        source = manager.create_artifact(ArtifactType.METADATA, metadata={"fps": 30})
        made = manager.create_artifact(ArtifactType.LOG, content=b"x", source_artifacts=[source.artifact_id],
                                       metadata={"fps": 30, "model": "yolo"}).artifact_id
        for n in range(60):
            manager.create_artifact(ArtifactType.TEXT_RAW, metadata={"n": n})
        calls = {
            "get_artifact": (rounds, lambda: manager.get_artifact(made)),
            "list_artifacts(limit=1)": (rounds, lambda: manager.list_artifacts(ArtifactType.TEXT_RAW, limit=1)),
            "get_artifact_lineage": (rounds, lambda: manager.get_artifact_lineage(made)),
            "get_statistics": (rounds, manager.get_statistics),
            "get_artifact_file": (rounds // 10, lambda: manager.get_artifact_file(made)),
            "create_artifact": (rounds // 10, lambda: manager.create_artifact(ArtifactType.TEXT_RAW, metadata={"fps": 30})),
        }
        spent = {}
        for name, (count, call) in calls.items():
            begun = time.thread_time()
            for _ in range(count):
                call()
            spent[name] = (time.thread_time() - begun) / count * 1e6
        return spent


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    cpp, python = [], []
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(REPEATS):
            cpp.append(in_cpp(program, Path(folder, f"cpp{repeat}"), rounds))
            python.append(in_python(Path(folder, f"python{repeat}"), rounds))
    print(f"{'call':26}{'C++':>9}{'Python':>9}{'more':>9}")
    for name in cpp[0]:
        one, other = (statistics.median(run[name] for run in runs) for runs in (cpp, python))
        print(f"{name:26}{one:9.1f}{other:9.1f}{other - one:9.1f}")


if __name__ == "__main__":
    main()
