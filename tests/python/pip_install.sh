#!/bin/bash
# `pip install` of the source tree in a virtual environment, and what it gives. Takes PyPI: 77 (skipped) where that can't be reached.
# usage: pip_install.sh PYTHON SOURCE
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip download -q --no-deps -d "$folder" scikit-build-core || exit 77
"$python" -m pip install -q "$2"
cd "$folder"
"$python" -m pip show custody | grep -x "Name: custody"
"$python" -c '
import pathlib, custody
assert "venv" in custody.__file__ and (pathlib.Path(custody.__file__).parent / "py.typed").exists()
with custody.ArtifactManager("study") as manager:
    made = manager.create_artifact(custody.ArtifactType.LOG, content=b"x")
    assert manager.get_artifact_file(made.artifact_id).read_bytes() == b"x" and manager.verify().ok
'
