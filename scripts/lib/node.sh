# Node modules in the cache folder, each set named by its lock. Sourced by scripts/setup.

# modules_lock NAME: the file that says what is in a set.
modules_lock() { printf '%s/benchmarks/peers/%s/package-lock.json\n' "$repository" "$1"; }

# modules_folder NAME: its place, which changes with the lock.
modules_folder() {
  local lock hash
  lock=$(modules_lock "$1")
  [[ -r $lock ]] || fail "there are no Node modules '$1'; there are bullmq"
  hash=$(sha256sum <"$lock")
  printf '%s/node-%s-%s\n' "$cache" "$1" "${hash:0:12}"
}

# install_modules NAME: exactly what the lock has, whose digests npm checks; no script of a package runs.
install_modules() {
  local folder lock
  folder=$(modules_folder "$1")
  [[ -e $folder/complete ]] && return
  lock=$(modules_lock "$1")
  say "fetching the Node modules '$1' ($(grep -c '"integrity"' "$lock") packages) into $folder"
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "${lock%-lock.json}.json" "$lock" "$folder"
  quietly npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-update-notifier
  touch "$folder/complete"
}
