#!/usr/bin/env bash
# consume.sh CHECK [ARGUMENT]: one check of an installed copy (tests.cmake names them and sets the environment).
set -euo pipefail
prefix=$WORK/prefix
libdir=$prefix/$LIBDIR
here=$SOURCE/tests/consumer

fail() { echo "FAILED: $*" >&2; exit 1; }

# use PROGRAM: runs the component on a store of its own, and looks at what it left there.
use() {
    local scratch lines
    scratch=$(mktemp -d "$WORK/use-XXXXXX")
    echo "call 555 about bed 12" >"$scratch/visit.txt"
    mapfile -t lines < <("$1" "$scratch/store" "$scratch/visit.txt")
    ((${#lines[@]} > 2)) || fail "$1 printed: ${lines[*]}"
    printf '%s\n' "${lines[@]}" | grep -q audio_transcript || fail "no lineage in: ${lines[*]}"
    [[ $("$prefix/bin/custody" --store "$scratch/store" cat "${lines[0]}") == "call [number] about bed [number]" ]] ||
        fail "the stored text is not what the component wrote"
    rm -rf "$scratch"
}

check_install() {
    local file
    rm -rf "$WORK"
    mkdir -p "$WORK"
    cmake --install "$BUILD" --prefix "$WORK/made" >"$WORK/install.log"
    mv "$WORK/made" "$prefix"
    for file in bin/custody include/custody/artifact_manager.hpp share/man/man1/custody.1 \
        share/bash-completion/completions/custody "$LIBDIR"/{libcustody.so,"libcustody.so.$VERSION",libcustody.a} \
        "$LIBDIR"/pkgconfig/custody.pc "$LIBDIR"/cmake/custody/custodyConfig{,Version}.cmake; do
        [[ -s $prefix/$file ]] || fail "$file is not installed"
    done
    diff -r "$SOURCE/include/custody" "$prefix/include/custody"
    "$prefix/bin/custody" --version | grep -F "$VERSION"
    # (debugging information names the source tree; nothing else may name it or the first prefix)
    ! grep -rlF -e "$WORK/made" -e "$SOURCE" "$libdir/cmake" "$libdir/pkgconfig" "$prefix/include" || fail "a path of the build is installed"
}

check_find_package() {
    local build=$WORK/${1//:/_}
    cmake -S "$here" -B "$build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCUSTODY_TARGET="$1" -DCMAKE_BUILD_TYPE=Debug
    cmake --build "$build"
    linked=$(readelf -d "$build/redact" | grep -c 'NEEDED.*libcustody' || true)
    case $1 in *static) ((linked == 0)) || fail "linked with the shared library" ;; *) ((linked == 1)) || fail "not linked with it" ;; esac
    use "$build/redact"
}

check_pkg_config() {
    local program=$WORK/redact-pkg-config${1:-} words library=()
    export PKG_CONFIG_PATH=$libdir/pkgconfig
    [[ $(pkg-config --modversion custody) == "$VERSION" ]] || fail "wrong version"
    words=$(pkg-config --cflags --libs ${1:-} custody)
    # -lcustody finds the shared one first: to have the other one, name it.
    if [[ ${1:-} == --static ]]; then words=${words/-lcustody/-l:libcustody.a}; else library=(-Wl,-rpath,"$libdir"); fi
    # shellcheck disable=SC2086 # words are many
    "$CXX" -std=c++20 $CXXFLAGS "$here/redact.cpp" -o "$program" $words "${library[@]}"
    [[ ${1:-} == --static ]] || ! pkg-config --libs custody | grep -q sodium || fail "the shared library's users link what it is made with"
    use "$program"
}

check_symbols() {
    local names
    names=$(nm -D --defined-only "$libdir/libcustody.so" | awk '$2 != "A" {print $3}' | sed 's/@.*//' | c++filt)
    (($(wc -l <<<"$names") > 50)) || fail "hardly anything is exported"
    ! grep -vE '^((typeinfo|typeinfo name|vtable|guard variable) for )?custody::' <<<"$names" || fail "exported, and not custody's"
    # The inside of the library: rooms have namespaces of their own.
    ! grep -E '^[^(]*custody::(sqlite|blobs|catalog|audit|manager)::' <<<"$names" || fail "the inside is exported"
    grep -qx 'custody::version()' <<<"$names" || fail "version() is not exported"
    grep -q '^typeinfo for custody::Error' <<<"$names" || fail "exceptions could not be caught by their type"
    # What is declared for everybody: a function that is missing would show only where somebody calls it.
    python3 "$here/exports.py" "$prefix/include" "$libdir/libcustody.a" "$libdir/libcustody.so" || fail "the interface is not whole"
}

check_soname() {
    readelf -d "$libdir/libcustody.so" | grep -F "SONAME" | grep -F "[libcustody.so.${VERSION%.*}]" || fail "soname"
    [[ $(readlink "$libdir/libcustody.so.${VERSION%.*}") == "libcustody.so.$VERSION" ]] || fail "no link for the soname"
}

check_other_version() {
    mkdir -p "$WORK/other"
    printf 'cmake_minimum_required(VERSION 3.25)\nproject(other LANGUAGES CXX)\nfind_package(custody %s CONFIG REQUIRED)\n' "$1" \
        >"$WORK/other/CMakeLists.txt"
    ! cmake -S "$WORK/other" -B "$WORK/other/build" -DCMAKE_PREFIX_PATH="$prefix" >"$WORK/other/log" 2>&1 || fail "$1 was accepted"
    grep -F 'version: 0.1.0' "$WORK/other/log" || fail "another reason: $(cat "$WORK/other/log")"
}

check_add_subdirectory() {
    local build=$WORK/subproject
    cmake -S "$here/subproject" -B "$build" -G Ninja -DCUSTODY_SOURCE="$SOURCE" -DCMAKE_BUILD_TYPE=None
    cmake --build "$build" --target redact redact_static
    use "$build/redact"
    use "$build/redact_static"
    [[ $(ctest --test-dir "$build" -N | grep -c 'Test *#') == 0 ]] || fail "custody's tests were added"
    DESTDIR=$WORK/nothing cmake --install "$build"
    [[ ! -e $WORK/nothing ]] || fail "custody would be installed with the project: $(find "$WORK/nothing" -type f)"
    ! ninja -C "$build" -t targets all | grep -E 'custody_command|test_|doctest' || fail "tools or tests would be built"
}

"check_$1" "${@:2}"
