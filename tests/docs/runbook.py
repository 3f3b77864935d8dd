"""runbook.py RUNBOOK.md CUSTODY_COMMAND: runs every shell block of the runbook, each section in a folder of its own in which the
trouble that it is about was made before."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

STORE = """
export CUSTODY_STORE=study CUSTODY_ACTOR=operator
custody init --quiet
echo 'raw picture' >interview.mp4
ID=$(custody add --type video_raw interview.mp4)
custody audit keygen --quiet --out signing.key >vkey
custody audit seal --signing-key signing.key --anchor anchor >/dev/null
custody backup backup >/dev/null
"""

# What is done to the store before a section's blocks, and what is asked for after them.
SECTIONS = {
    "Runbook": ("", ""),
    "The disk is full": ("", ""),
    "The store is lost: restore it": (
        "custody add --type log signing.key >/dev/null; custody audit seal --signing-key signing.key --anchor anchor >/dev/null",
        "grep -q history_left said && ! grep -q anchor_ahead said && custody verify && custody cat $ID | cmp - interview.mp4"),
    "The signing key is lost": ("rm signing.key", "custody audit verify --json | grep -q '\"ok\": *true'"),
    "The schema was altered": (
        "sqlite3 study/storage/catalog.db 'DROP VIEW review_errors'",
        "grep -q schema_altered said && test -s backup/catalog-damaged.db && custody cat --store restored $ID | cmp - interview.mp4"),
    "A payload is damaged or missing": (
        "f=$(find study/storage/blobs -type f); chmod u+w $f; echo 'RAW PICTURE' >$f; chmod u-w $f",
        "grep -q payload_altered said && custody cat $ID | cmp - interview.mp4"),
    "A file that was to be moved in is in neither place": (
        "echo moved >moved.txt; h=$(sha256sum <moved.txt | cut -c1-64); mkdir -p study/storage/blobs/${h:0:2}; "
        "ln -s $PWD/moved.txt study/storage/trash/moving-$h-0123456789abcdef; mv moved.txt study/storage/blobs/${h:0:2}/$h",
        "grep -q moved.txt said && grep -q moved moved.txt && custody verify | grep -vq orphan_payload"),
    "A lock is held": (
        "mkfifo hold; (sqlite3 study/storage/catalog.db <hold >held 2>&1 &) ; exec 9>hold; "
        "echo 'BEGIN IMMEDIATE; SELECT 1;' >&9; while ! grep -q 1 held; do sleep 0.05; done; (sleep 1; echo 'ROLLBACK;' >&9) &",
        "grep -q 'lock: process [0-9]* (sqlite3) holds' said; exec 9>&-"),
    "The clock jumped": ("", ""),
    "Snapshots of the file system, while the store is open": ("mkdir snapshot; cp -a study snapshot/study", ""),
    "An upgrade went wrong": ("", "custody cat --store restored $ID | cmp - interview.mp4"),
}


def blocks_by_section(text):
    sections, name = {}, None
    for heading, block in re.findall(r"^#+ ([^\n]*)$|^```sh\n(.*?)^```$", text, flags=re.M | re.S):
        if heading:
            name = heading
        else:
            sections.setdefault(name, []).append(block)
    return sections


def run(name, blocks, command):
    before, after = SECTIONS[name]
    script = "\n".join(["set -euo pipefail", STORE, before, "exec 3>&1 >said 2>&1", *blocks, "exec >&3 2>&3", after, ""])
    with tempfile.TemporaryDirectory() as folder:
        path = f"{pathlib.Path(command).resolve().parent}:{os.environ['PATH']}"
        ran = subprocess.run(["bash", "-x", "-c", script], cwd=folder, env={**os.environ, "PATH": path}, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        if ran.returncode == 0:
            return True
        said = pathlib.Path(folder, "said")
        print(f"--- {name}: exit code {ran.returncode}\n{ran.stdout}\n{said.read_text() if said.exists() else ''}")
        return False


def main():
    found = blocks_by_section(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    unknown = set(found) ^ set(SECTIONS)
    if unknown:
        sys.exit(f"in the runbook or in its test alone: {sorted(unknown)}")
    failed = [name for name, blocks in found.items() if not run(name, blocks, sys.argv[2])]
    print(f"{len(found) - len(failed)} of {len(found)} sections do what they say")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
