#!/usr/bin/env bash
# run.sh KIND BUILD WORK: runs the example pipeline on one kind of video and looks at what it left.
set -euo pipefail
kind=$1 build=$2 work=$3
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
store="$work/the store"
catalog=$store/storage/catalog.db

fail() { echo "FAILED: $*" >&2; exit 1; }
is() { [[ $2 == "$3" ]] || fail "$1: expected $3, got $2"; }
ask() { sqlite3 -readonly "$catalog" "$1"; }
payload() { ask "SELECT '$store/storage/' || payload_path FROM review_artifacts WHERE artifact_type = '$1' ORDER BY created_at LIMIT 1"; }
frames() { ffprobe -v error -count_frames -select_streams v:0 -show_entries stream=nb_read_frames -of csv=p=0 "$1"; }
# luma FILE FILTER: the darkest and the brightest value of frame 75 behind the filter.
luma() {
    ffmpeg -hide_banner -loglevel error -i "$1" -vf "select=eq(n\,75),$2,signalstats,metadata=print:file=-" -frames:v 1 -f null - |
        awk -F= '/YMIN/ {low = $2} /YMAX/ {high = $2} END {print low, high}'
}
loudest() { ffmpeg -hide_banner -i "$1" -af "atrim=$2:$3,volumedetect" -f null - 2>&1 | awk '/max_volume/ {print int($(NF-1))}'; }

check_runs() {
    is "runs" "$(ask "SELECT group_concat(status) FROM (SELECT status FROM review_runs ORDER BY started_at)")" "completed,failed"
    ask "SELECT error_message FROM review_runs WHERE status = 'failed'" | grep -qE '^keypoints stopped after [1-9][0-9]* frames: .' ||
        fail "the failed run doesn't say why"
    is "the second video" "$(ask "SELECT status || ' ' || (error_message LIKE 'keypoints stopped%') FROM review_artifacts
        WHERE artifact_type = 'video_raw' ORDER BY created_at DESC LIMIT 1")" "failed 1"
    is "unfinished artifacts" "$(ask "SELECT count(*) FROM review_artifacts WHERE status NOT IN ('completed', 'failed')")" 0
    is "broken chains" "$(ask "SELECT count(*) FROM review_releases WHERE NOT chain_complete")" 0
    [[ -z $(find "$work/work" -name 'steps-*') ]] || fail "scratch files are left"
    "$build/tools/custody" --store "$store" verify >/dev/null || fail "the store doesn't verify"
}

check_output() {
    local words
    for words in "who read the raw video" "quality_control" "spot check" "chain_complete" "keypoints stopped after" "completed" \
        "video_deid" "audit_$(date -u +%Y%m).jsonl" "The store: $store"; do
        grep -qF -- "$words" "$work/output" || fail "the output doesn't show: $words"
    done
}

check_made() {
    local raw blurred region
    is "types" "$(ask "SELECT group_concat(artifact_type) FROM (SELECT DISTINCT artifact_type FROM review_artifacts ORDER BY 1)")" \
        "audio_deid,audio_phi_intervals,audio_raw,audio_transcript,text_deid,video_deid,video_keypoints,video_raw"
    raw=$(payload video_raw) blurred=$(payload video_deid)
    is "frames" "$(frames "$blurred")" "$(frames "$raw")"
    is "frames with keypoints" "$(tail -n +2 "$(payload video_keypoints)" | cut -d, -f1 | sort -u | wc -l)" "$(frames "$raw")"
    # Eyes and mouth are the darkest spots; blurred, they are gone. The window, outside of the region, keeps its brightness.
    region=$(awk -F, '$1 == 75 {print "crop=" $5 ":" $6 ":" $3 ":" $4; exit}' "$(payload video_keypoints)")
    read -r dark _ < <(luma "$raw" "$region")
    read -r blurred_dark _ < <(luma "$blurred" "$region")
    ((dark < 50 && blurred_dark > 70)) || fail "the face is not blurred: darkest $dark, then $blurred_dark"
    is "the wall" "$(luma "$blurred" "crop=100:20:0:0")" "$(luma "$raw" "crop=100:20:0:0")"
    (($(loudest "$(payload audio_raw)" 1.7 2.3) > -40)) || fail "nothing was said where a name should be"
    (($(loudest "$(payload audio_deid)" 1.7 2.3) < -80)) || fail "the name can still be heard"
    (($(loudest "$(payload audio_deid)" 3 4.5) > -40)) || fail "everything is silent"
    is "the text" "$(tr '\n' ' ' <"$(payload text_deid)")" \
        "Good morning, my name is [NAME]. My record number is [NUMBER]. It still hurts at night. "
}

check_portrait() {
    is "types" "$(ask "SELECT group_concat(artifact_type) FROM (SELECT DISTINCT artifact_type FROM review_artifacts ORDER BY 1)")" \
        "video_deid,video_keypoints,video_raw"
    grep -q "has no sound" "$work/output" || fail "it doesn't say that sound is missing"
    is "size" "$(ffprobe -v error -select_streams v:0 -show_entries stream=width,height -of csv=p=0 "$(payload video_deid)")" "92,162"
}

rm -rf "$work"
mkdir -p "$work/work"
video=
if [[ $kind == portrait_without_sound ]]; then
    video="$work/-an odd 'name'.mkv"
    ffmpeg -hide_banner -loglevel error -f lavfi -i "testsrc=s=91x161:r=30000/1001:d=3" -c:v ffv1 "file:$video"
fi
"$here/../../tools/example/pipeline.sh" "$build" "$work/work" "$store" "$video" >"$work/output" 2>"$work/messages" ||
    { cat "$work/output" "$work/messages"; fail "the pipeline failed"; }
is "messages on stderr" "$(cat "$work/messages")" ""
check_runs
check_output
"check_${kind%_without_sound}"
echo "The example pipeline did its work."
