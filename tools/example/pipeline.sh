#!/usr/bin/env bash
# pipeline.sh BUILD WORK STORE [VIDEO]: an example pipeline around custody, and what can be asked of the store afterwards.
#
# The picture is handled by a C++ component that uses the library (component.cpp), the rest here by the command line. The
# steps are examples: what finds regions knows some colours, what finds protected intervals and hears words is made up.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
build=$1 work=$2 store=$3 video=${4:-}
catalog=$store/storage/catalog.db
component=$build/tools/example/custody_example_component
run=
export CUSTODY_STORE=$store CUSTODY_ACTOR=audio_team

custody() { "$build/tools/custody" "$@"; }
media() { ffmpeg -hide_banner -loglevel error -nostdin -y "$@"; }
probe() { ffprobe -v error -of csv=p=0 "$@" | head -n 1; }
title() { printf '\n== %s\n' "$*"; }
ask() { sqlite3 -readonly -box "$catalog" "$1"; }

# A run that nobody ends would be found and ended as lost; a script that fails can say so itself.
end_what_is_open() {
    local status=$?
    if [[ -n $run ]]; then custody run end "$run" --status failed --error "the pipeline's script stopped" || true; fi
    rm -rf "$scratch"
    exit "$status"
}

# of TYPE TEXT: the id on the line of that type in what the component printed.
of() { sed -n "s/^$1 //p" <<<"$2"; }

prepare() {
    mkdir -p "$work"
    work=$(realpath "$work") # a source of the store has no symbolic link in its path
    scratch=$(mktemp -d "$work/steps-XXXXXX")
    trap end_what_is_open EXIT
    if [[ -z $video ]]; then
        video=$work/interview.mp4
        title "No video was named: making one ($video)"
        "$here/make_video.sh" "$video"
    fi
    if [[ -z $(probe -select_streams V:0 -show_entries stream=index "file:$video") ]]; then
        echo "$video has no picture that ffmpeg can read." >&2
        exit 1
    fi
    rate=$(probe -select_streams V:0 -show_entries stream=avg_frame_rate "file:$video")
    rate=${rate%%,*}
    # Recordings of a varying rate have none, and clocks of 90 kHz pass for one.
    awk -v rate="$rate" 'BEGIN {split(rate, part, "/"); n = part[2] ? part[1] / part[2] : part[1]; exit !(n >= 1 && n <= 60)}' || rate=25
    custody init --quiet
}

picture_steps() {
    local made
    made=$("$component" "$store" "$video" "$scratch" "$rate" "$run")
    raw=$(of video_raw "$made")
    echo "$made"
}

# PHI intervals are metadata alone. A real detector would listen; here two spans of the recording are taken.
phi_intervals() {
    local seconds
    seconds=$(probe -show_entries format=duration "file:$1")
    awk -v s="$seconds" 'BEGIN {printf "{\"phi_segments\": [{\"start\": %.2f, \"end\": %.2f, \"type\": \"name\"}, " \
        "{\"start\": %.2f, \"end\": %.2f, \"type\": \"mrn\"}], \"total_segments\": 2}", s * 0.2, s * 0.3, s * 0.6, s * 0.68}'
}

# What ffmpeg is to silence: the intervals as the store has them.
silence_filter() {
    custody --json show "$1" >"$scratch/intervals.json"
    (cd "$scratch" && sqlite3 :memory: "SELECT 'volume=0:enable=''' || group_concat(
        'between(t,' || json_extract(value, '\$.start') || ',' || json_extract(value, '\$.end') || ')', '+') || ''''
        FROM json_each(CAST(readfile('intervals.json') AS TEXT), '\$.metadata.phi_segments')")
}

sound_steps() {
    local sound phi silenced transcript text filter
    if [[ -z $(probe -select_streams a:0 -show_entries stream=index "file:$video") ]]; then
        echo "(the video has no sound: the steps on sound and words are left out)"
        return
    fi
    media -i "file:$(custody --purpose de-identification file "$raw")" -map a:0 -ac 1 -ar 16000 "$scratch/sound.wav"
    sound=$(custody add --type audio_raw --source "$raw" --run "$run" --module audio_deid.extract --move "$scratch/sound.wav")
    echo "audio_raw $sound"

    phi=$(custody add --type audio_phi_intervals --source "$sound" --run "$run" --module audio_deid.detector \
        --metadata "$(phi_intervals "$(custody file "$sound")")")
    echo "audio_phi_intervals $phi"

    filter=$(silence_filter "$phi")
    media -i "$(custody file "$sound")" -af "$filter" -map_metadata -1 "$scratch/silenced.wav"
    silenced=$(custody add --type audio_deid --source "$sound" --source "$phi" --run "$run" --module audio_deid.silence \
        "$scratch/silenced.wav")
    echo "audio_deid $silenced"

    transcript=$(printf '%s\n' "Good morning, my name is Jane Roe." "My record number is 4711-22." "It still hurts at night." |
        custody add --type audio_transcript --source "$sound" --run "$run" --module asr --name transcript.txt -)
    echo "audio_transcript $transcript"
    text=$(custody cat "$transcript" | sed -e 's/Jane Roe/[NAME]/' -e 's/[0-9][0-9-]*/[NUMBER]/' |
        custody add --type text_deid --source "$transcript" --run "$run" --module text_deid --name transcript_deid.txt -)
    echo "text_deid $text"
}

# The second recording was cut off on its way here: ffmpeg reads half of it, and stops.
failing_run() {
    local made status=0
    media -i "file:$video" -map V:0 -t 4 -c:v libx264 -preset veryfast -pix_fmt yuv420p -vf "pad=ceil(iw/2)*2:ceil(ih/2)*2" \
        -movflags +faststart "$scratch/whole.mp4"
    head -c "$(($(stat -c %s "$scratch/whole.mp4") * 6 / 10))" "$scratch/whole.mp4" >"$scratch/interview_2.mp4"
    made=$("$component" "$store" "$scratch/interview_2.mp4" "$scratch" "$rate" 2>"$scratch/said") || status=$?
    ((status == 1)) || { echo "a video that was cut off should not have passed" >&2; return 1; }
    echo "$made"
    cat "$scratch/said"
    failed_run=$(of run "$made")
    failed_video=$(of video_raw "$made")
}

show_results() {
    title "The first run"
    custody run show "$1"
    title "The second run"
    custody run show "$failed_run"
    custody show "$failed_video"
    title "What was made of the raw video"
    custody lineage "$raw" --down
    title "Statistics"
    custody stats
}

show_review() {
    local month
    title "A reviewer asks: who read the raw video, and what for?"
    ask "SELECT substr(timestamp, 1, 19) AS time, user, os_user, program, action, purpose
         FROM review_access WHERE artifact_id = '$raw' ORDER BY seq"
    title "A reviewer asks: which released files come from it, and is their chain complete?"
    ask "SELECT artifact_type, artifact_id, status, chain_complete
         FROM review_releases WHERE identified_artifact_id = '$raw' ORDER BY created_at"
    title "A reviewer asks: which runs failed, and why?"
    ask "SELECT run_id, substr(started_at, 1, 19) AS started, user, error_message
         FROM review_runs WHERE status = 'failed' ORDER BY started_at"
    title "The audit trail of this month, exported"
    month=$(custody audit export --month "$(date -u +%Y-%m)")
    echo "$month: $(wc -l <"$month") entries; the last one:"
    tail -n 1 "$month"
}

prepare
title "First run: a recording is de-identified"
run=$(custody run start --ttl 3600 --config '{"pipeline": "interview_deid"}')
first=$run
picture_steps
sound_steps
custody run end "$run" --quiet
run=
# Somebody looks at the result, and that is on record too.
custody --actor quality_control --purpose "spot check" checkout "$raw" "$scratch/spot_check" >"$scratch/checked"
title "Second run: a recording that was cut off"
failing_run
show_results "$first"
show_review
title "The store: $store"
echo "Try:  $build/tools/custody --store '$store' list      (or: verify, doctor, audit errors)"
echo "      sqlite3 -readonly '$catalog' 'SELECT * FROM review_errors'"
