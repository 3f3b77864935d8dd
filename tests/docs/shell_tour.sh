#!/bin/bash
# Runs the README's shell blocks in one shell, in an empty folder with three small files, and checks what they leave.
# usage: shell_tour.sh CUSTODY_COMMAND EXTRACTED_BLOCKS
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
PATH=$(dirname "$1"):$PATH
blocks=$(realpath "$2")
cd "$folder"
echo 'raw picture' >interview.mp4
echo 'frame,x,y' >keypoints.csv
echo 'blurred picture' >blurred.mp4
set -x
# shellcheck disable=SC1090
source "$blocks" >said
grep -q '|researcher_1|.*|get_file$' said # the reviewers' example has a row to show
cmp blurred.mp4 released.mp4
test "$(custody list --json | grep -c '"artifact_id"')" = 3
test -s study/audit/audit_"$(date -u +%Y%m)".jsonl
test "$(sqlite3 -readonly review.db 'SELECT count(*) FROM review_artifacts')" = 3
