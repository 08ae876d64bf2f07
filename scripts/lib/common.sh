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

# quietly COMMAND..: runs it with its output kept back: every ten seconds its latest line shows how far it is, and
# all of it shows if it fails.
quietly() {
  local log ticker status=0
  log=$(mktemp)
  # The waiting is bash's own read, so that no child outlives this function with the lock or the terminal in hand.
  (while read -rt 10 _ <> <(:) || [[ $? -gt 128 ]]; do say ".. $(tail -n 1 "$log" | cut -c 1-100)"; done) 9>&- &
  ticker=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill "$ticker"
  wait "$ticker" 2>/dev/null || true
  if [[ $status -ne 0 ]]; then
    cat "$log" >&2
    rm -f "$log"
    fail "failed with status $status: $*"
  fi
  rm -f "$log"
}

# as_root COMMAND..: runs it with the rights to install.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    fail "this needs root: $*" "Run scripts/setup as root, or install sudo."
  fi
}
