# Sourced by tools/quickstart and tools/test: which Debian packages each job needs, and how they get here.

packages_build=(g++ cmake ninja-build pkg-config libssl-dev libsqlite3-dev libsqlitecpp-dev nlohmann-json3-dev
                libsodium-dev libre2-dev liburing-dev libcli11-dev libfmt-dev)
packages_example=(ffmpeg sqlite3)
packages_python=(python3 python3-dev python3-venv pybind11-dev)
packages_test=("${packages_python[@]}" python3-pytest python3-cryptography doctest-dev sqlite3 binutils clang-format-14 procps
               strace mandoc graphviz)
packages_coverage=(gcovr)
packages_tidy=(clang-14 clang-tidy-14)
packages_fuzz=(clang-14 libclang-rt-14-dev llvm-14)

# missing_packages NAME...: those that aren't installed, one a line.
missing_packages() {
    local name
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || printf '%s\n' "$name"
    done
}

# require_packages LOG NAME...: installs what is missing; says nothing where nothing is.
require_packages() {
    local log=$1 missing as_root=()
    shift
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "This command installs what it needs by apt, on Debian 12 or a system made from it; there is no apt here." >&2
        echo "Install the equivalents of these packages, then use CMake directly (see README.md): $*" >&2
        return 1
    fi
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "These packages are missing, and only root may install them: ${missing[*]}" >&2
            echo "As root: apt-get install --no-install-recommends ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "Installing ${#missing[@]} packages: ${missing[*]}"
    # Lists first: a machine that never updated them knows no package.
    if ! { "${as_root[@]}" apt-get update -qq &&
           "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
               "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        echo "apt-get could not install them (its messages are above, and in $log)." >&2
        return 1
    fi
}

# show_last_line LOG: over and over on one line of the terminal, which is how far a build has come, while this script runs.
show_last_line() {
    while kill -0 $$ 2>/dev/null; do
        printf '\r\033[K%.78s' "$(tail -n 1 "$1" 2>/dev/null)"
        sleep 1
    done
}

# logged LOG COMMAND...: runs it; its output goes to the log, and to stderr where it fails.
logged() {
    local log=$1 shower= code=0
    shift
    if [[ -t 1 ]]; then
        show_last_line "$log" &
        shower=$!
    fi
    "$@" >"$log" 2>&1 || code=$?
    if [[ -n $shower ]]; then
        kill "$shower"
        wait "$shower" 2>/dev/null || true
        printf '\r\033[K'
    fi
    ((code == 0)) && return
    cat "$log" >&2
    echo "failed: $*   (all of its output: $log)" >&2
    return 1
}
