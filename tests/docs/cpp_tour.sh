#!/bin/bash
# Runs the README's C++ program in an empty folder and checks what it says and leaves.
# usage: cpp_tour.sh PROGRAM CUSTODY_COMMAND
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
program=$(realpath "$1")
custody=$(realpath "$2")
cd "$folder"
echo 'raw picture' >interview.mp4
echo 'blurred picture' >blurred.mp4
"$program" | tee out
grep -q '^video_deid .* completed (video_deid.blur)' out
grep -q '^20.* create$' out # a string, not its JSON
"$program" >again
test "$(head -n 1 again)" = "$(head -n 1 out)" # the same artifacts
test "$("$custody" --store study list --json | grep -c '"artifact_id"')" = 2
"$custody" --store study run list --json >runs # whole: a reader that leaves early is a failure of its own
grep -q '"status": *"completed"' runs
"$custody" --store study verify
