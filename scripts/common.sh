# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the commands in the root and in scripts/ share. Sourced, not run.

root="$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")"
jobs="${LICHEN_JOBS:-$(nproc 2>/dev/null || echo 2)}"

# Progress goes to stderr, results to stdout.
say() { echo "lichen: $*" >&2; }

# die WHAT WHERE WHY TRY
die() {
    echo "lichen: $1: $2: $3; $4" >&2
    exit 1
}

# bad_usage ARGUMENT, or bad_usage 'what is wrong in some words'
bad_usage() {
    local why="$1"
    [[ $why == *" "* ]] || why="unknown argument $why"
    echo "lichen: bad usage: $(basename "$0"): $why; see $(basename "$0") --help" >&2
    exit 2
}

# Passes a program's lines on. Into a pipe or file, of all lines that only say "another one done" (ninja's [n/m],
# ctest's Start and Passed) every 50th is kept, so that a log stays short and yet shows that something moves.
calm() {
    local line count=0
    local dull='^\[[0-9]+/[0-9]+\] |^ +Start +[0-9]+: |^ *[0-9]+/[0-9]+ Test .* Passed '
    while IFS= read -r line || [[ -n $line ]]; do
        [[ $line != "ninja: no work to do." ]] || continue
        if [[ $line =~ $dull ]]; then
            [[ $line == *" Start "* ]] && continue
            ((++count % 50 == 0)) || continue
        fi
        printf '%s\n' "$line"
    done
}

# configure PRESET: quiet unless it fails.
configure() {
    local log="$root/build/$1/configure.log"
    mkdir -p "$root/build/$1"
    if ! (cd "$root" && cmake --preset "$1") >"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        die "cannot configure" "preset $1" "cmake failed (its last lines are above)" "run scripts/setup, or remove build/$1 and try again"
    fi
}

# build PRESET [TARGET...]: on a terminal ninja's one moving line, elsewhere a calm log.
build() {
    local preset="$1" started=$SECONDS
    shift
    local command=(cmake --build "$root/build/$preset" --parallel "$jobs")
    [[ $# -eq 0 ]] || command+=(--target "$@")
    say "building ($preset)"
    configure "$preset"
    if [[ -t 1 ]]; then
        "${command[@]}" </dev/null || die "cannot build" "preset $preset" "the compiler's message is above" "mend it, or remove build/$preset and try again"
    else
        "${command[@]}" </dev/null | calm || die "cannot build" "preset $preset" "the compiler's message is above" "mend it, or remove build/$preset and try again"
    fi
    say "built in $((SECONDS - started)) s"
}

# run_tests PRESET [CTEST ARGUMENT...]: ctest's own summary comes last; no test at all is a failure.
run_tests() {
    local preset="$1"
    shift
    local command=(ctest --test-dir "$root/build/$preset" --output-on-failure --no-tests=error --no-label-summary
        --parallel "${LICHEN_TEST_JOBS:-2}" "$@")
    if [[ -t 1 ]]; then
        "${command[@]}" --progress </dev/null
    else
        "${command[@]}" </dev/null 2>&1 | calm
    fi
}
