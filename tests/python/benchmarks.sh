#!/bin/bash
# Runs both benchmarks of the Python package at the tiniest scale: their programs, not their figures.
# usage: benchmarks.sh PYTHON FOLDER BENCH_CALLS
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" -B "$2/calls.py" "$3" 10 | tee "$folder/calls"
grep -q '^create_artifact' "$folder/calls"
"$1" -B "$2/against_plain.py" "$folder" --small | tee "$folder/plain"
grep -q '^lineage' "$folder/plain"
