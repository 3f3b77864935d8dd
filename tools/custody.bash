# Completion of custody's verbs, options, types and statuses for bash.

_custody_verbs="init migrate snapshot backup restore import export run add show list status history type link lineage file checkout cat audit
stats cleanup gc retention hold verify doctor sql"
_custody_types="video_raw video_keypoints video_deid audio_raw audio_phi_intervals audio_deid audio_transcript text_raw
text_deid metadata log"
_custody_statuses="pending in_progress completed failed archived"
_custody_global="--store --json --quiet --actor --on-behalf-of --purpose --lock-timeout --signing-key --accept-clock --version --help"
_custody_filters="--operation --action --artifact --user --module --outcome --success --run --since --until"

# The options of a verb, which is "audit query" where it has two words.
_custody_options() {
    case $1 in
        init) echo "--group --payloads --no-phi-guard" ;;
        snapshot) echo "--out --no-text" ;;
        backup) echo "--catalog-only --rehash" ;;
        restore) echo "--reason --payloads --accept-missing" ;;
        "import original") echo "--timezone --dry-run --allow-identified-release --allow-phi-metadata" ;;
        "export original") echo "--timezone" ;;
        "run start") echo "--config --ttl --allow-phi-metadata" ;;
        "run end") echo "--status --error" ;;
        "run list") echo "--status --since --until --limit" ;;
        add) echo "--type --source --relationship --run --module --module-version --metadata --name --request-key --status
                   --move --reflink --allow-identified-release --allow-phi-metadata" ;;
        list) echo "--type --status --run --module --since --until --limit --after" ;;
        status) echo "--error" ;;
        "type add") echo "--sensitivity" ;;
        link) echo "--source --relationship --allow-identified-release" ;;
        lineage) echo "--up --down --both --depth --format" ;;
        file) echo "--verify" ;;
        "audit query" | "audit errors") echo "$_custody_filters --limit" ;;
        "audit keygen") echo "--out --add --lost" ;;
        "audit seal") echo "--anchor" ;;
        "audit verify") echo "--key --since-anchor" ;;
        "audit redact") echo "--pointer --reason --dry-run --yes" ;;
        history) echo "--prove" ;;
        "audit export") echo "--month --all --to --out --format $_custody_filters" ;;
        cleanup) echo "--older-than --type --status --reason --dry-run --yes" ;;
        gc) echo "--grace --reason --dry-run --yes" ;;
        "retention set") echo "--days --when-descendants-completed --reason" ;;
        "retention remove") echo "--reason" ;;
        "hold add") echo "--reason" ;;
        "hold remove") echo "--hold --reason" ;;
        verify) echo "--quick --sample --resume --threads --repair --from --dry-run --yes" ;;
        sql) echo "--format --time-limit --max-rows" ;;
    esac
}

_custody_second_words() {
    case $1 in
        import | export) echo "original" ;;
        run) echo "start end list show" ;;
        type) echo "add list" ;;
        audit) echo "query errors export keygen seal verify prove redact" ;;
        retention) echo "set remove list" ;;
        hold) echo "add remove list" ;;
    esac
}

# Whether the option takes a value; the word after it is then no verb.
_custody_takes_value() {
    case $1 in
        --json | --quiet | --version | --help | --group | --no-phi-guard | --no-text | --allow-phi-metadata | --move | \
            --reflink | --allow-identified-release | --up | --down | --both | --verify | --all | --dry-run | --yes | --quick | --resume | --repair | --lost | --when-descendants-completed | --accept-clock | \
            --catalog-only | --rehash | --accept-missing)
            return 1 ;;
        --*=*) return 1 ;;
        --*) return 0 ;;
    esac
    return 1
}

# What may follow an option, in the verb that was chosen; nothing where only the user knows.
_custody_values() {
    case $2 in
        --type) echo "$_custody_types" ;;
        --status)
            case $1 in
                "run end") echo "completed failed" ;;
                "run list") echo "in_progress completed failed" ;;
                add) echo "pending in_progress completed" ;;
                *) echo "$_custody_statuses" ;;
            esac ;;
        --timezone)
            local database=/usr/share/zoneinfo
            [[ -r $database/tzdata.zi ]] && awk '$1 == "Z" { print $2 } $1 == "L" { print $3 }' $database/tzdata.zi ;;
        --outcome) echo "done not_found refused failed" ;;
        --success) echo "true false" ;;
        --sensitivity) echo "identified deidentified neutral" ;;
        --relationship) echo "derived_from" ;;
        --format)
            case $1 in
                lineage) echo "tree json dot svg" ;;
                sql) echo "table csv json jsonl" ;;
                *) echo "json csv jsonl" ;;
            esac ;;
    esac
}

_custody() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb="" arguments=0 i
    local -a words=()
    COMPREPLY=()
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; ++i)); do
        if [[ ${COMP_WORDS[i]} == -* ]]; then
            if _custody_takes_value "${COMP_WORDS[i]}"; then
                ((++i))
                [[ ${COMP_WORDS[i]} == = ]] && ((++i))  # readline takes --option=value apart
            fi
            continue
        fi
        words+=("${COMP_WORDS[i]}")
    done
    verb=${words[0]-}
    arguments=$((${#words[@]} - 1))
    if [[ -n $(_custody_second_words "$verb") && ${#words[@]} -ge 2 ]]; then
        verb+=" ${words[1]}"
        ((--arguments))
    fi

    if _custody_takes_value "$before"; then
        local values
        values=$(_custody_values "$verb" "$before")
        case $before in
            --store | --payloads | --prove) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
            --out | --add | --anchor | --since-anchor | --signing-key) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
            *) mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word") ;;
        esac
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_custody_options "$verb") $_custody_global" -- "$word")
    elif ((${#words[@]} == 0)); then
        mapfile -t COMPREPLY < <(compgen -W "$_custody_verbs" -- "$word")
    elif ((${#words[@]} == 1)) && [[ -n $(_custody_second_words "$verb") ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_custody_second_words "$verb")" -- "$word")
    elif [[ $verb == status ]] && ((arguments == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$_custody_statuses" -- "$word")
    elif [[ $verb == backup || $verb == restore || $verb == "import original" || $verb == "export original" ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
    elif [[ $verb == "retention set" || $verb == "retention remove" ]] && ((arguments == 0)); then
        mapfile -t COMPREPLY < <(compgen -W "$_custody_types" -- "$word")
    elif [[ $verb == add || $verb == "audit verify" || ($verb == checkout && $arguments -eq 1) ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}

complete -o filenames -F _custody custody
