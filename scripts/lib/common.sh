# What the parts of scripts/setup share: messages, the cache folder, the pins. Sourced, never run.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice
architecture=$(uname -m)

# say MESSAGE: one line of progress, with the seconds since the start.
say() { printf 'setup [%3ds] %s\n' "$SECONDS" "$*" >&2; }

# fail MESSAGE..: each argument is a line; the set-up ends.
fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

# pin NAME: its value in scripts/pins.
pin() {
  local line
  while IFS= read -r line; do
    if [[ $line == "$1="* ]]; then
      printf '%s\n' "${line#*=}"
      return
    fi
  done <"$repository/scripts/pins"
  fail "scripts/pins has no $1"
}

# quietly COMMAND..: runs it with its output kept back, and shows that only if it fails.
quietly() {
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1 </dev/null; then
    rm -f "$log"
  else
    local status=$?
    cat "$log" >&2
    rm -f "$log"
    fail "failed with status $status: $*"
  fi
}
