"""against_plain.py FOLDER [--small]: the package against a plain Python implementation of the original's contract, in one run, in turns.

FOLDER is on the disk that is measured. Prints medians of three, and how many times quicker custody is.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from custody import ArtifactManager, ArtifactType, NewArtifact  # noqa: E402
from plain_store import PlainStore  # noqa: E402

REPEATS = 3


def timed(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def make_source(path, size_bytes):
    with open(path, "wb") as file:
        block = os.urandom(1 << 20)
        for n in range(max(1, size_bytes >> 20)):
            file.write(n.to_bytes(8, "big") + block[8:])
    return path


def measure(store, kinds, source, count, depth, batch):
    """The figures of one store, by job, in seconds."""
    spent = {}
    spent[f"create with a file of {source.stat().st_size >> 20} MiB"] = timed(lambda: store.create_artifact(kinds["video_raw"], source))
    small = [source.parent / f"small_{n % 64}" for n in range(count)]
    for path in set(small):
        path.write_bytes(path.name.encode() * 100)
    names = list(kinds.values())

    def create_each():
        for n, path in enumerate(small):
            store.create_artifact(names[n % len(names)], path, metadata={"n": n})

    spent[f"create {count:,} small, one by one"] = timed(create_each)
    spent[f"create {count:,} small, in batches"] = timed(lambda: batch(store, names, small))
    made = [store.create_artifact(kinds["log"])]
    for _ in range(depth - 1):
        above = made[-1]
        above = above["artifact_id"] if isinstance(above, dict) else above.artifact_id
        made.append(store.create_artifact(kinds["log"], source_artifacts=[above]))
    last = made[-1]["artifact_id"] if isinstance(made[-1], dict) else made[-1].artifact_id
    status = "completed"
    spent[f"list by type and status among {2 * count:,}"] = timed(lambda: store.list_artifacts(kinds["video_raw"], status))
    history = store.audit.get_artifact_history if hasattr(store.audit, "get_artifact_history") else store.get_artifact_history
    spent["history of one artifact"] = timed(lambda: history(last))
    spent["statistics"] = timed(store.get_statistics)
    spent[f"lineage {depth} deep"] = timed(lambda: store.get_artifact_lineage(last))
    return spent


def batch_of_custody(store, names, small):
    for start in range(0, len(small), 1000):
        store.create_artifacts([NewArtifact(names[n % len(names)], path, metadata={"n": n})
                                for n, path in enumerate(small[start:start + 1000], start)])


def batch_of_plain(store, names, small):  # it has none: one by one
    for n, path in enumerate(small):
        store.create_artifact(names[n % len(names)], path, metadata={"n": n})


def main():
    small = "--small" in sys.argv
    size_bytes, count, depth = (1 << 20, 20, 30) if small else (1 << 30, 10_000, 300)
    kinds = {kind.value: kind for kind in (ArtifactType.VIDEO_RAW, ArtifactType.AUDIO_RAW, ArtifactType.TEXT_RAW, ArtifactType.LOG)}
    runs = {"plain": [], "custody": []}
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
        source = make_source(Path(folder, "source.mp4"), size_bytes)
        for repeat in range(1 if small else REPEATS):
            plain = PlainStore(Path(folder, f"plain_{repeat}"))
            runs["plain"].append(measure(plain, {name: name for name in kinds}, source, count, depth, batch_of_plain))
            with ArtifactManager(Path(folder, f"custody_{repeat}")) as manager:
                runs["custody"].append(measure(manager, kinds, source, count, depth, batch_of_custody))
    print(f"{'job':44}{'plain':>12}{'custody':>12}{'quicker':>10}")
    for job in runs["plain"][0]:
        plain, custody = (statistics.median(run[job] for run in runs[who]) for who in ("plain", "custody"))
        print(f"{job:44}{plain * 1e3:9.1f} ms{custody * 1e3:9.1f} ms{plain / custody:9.2f}×")


if __name__ == "__main__":
    main()
