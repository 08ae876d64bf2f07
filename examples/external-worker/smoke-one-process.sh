#!/usr/bin/env bash
# Starts the server at a free port and a worker, hands a job in, and looks at what comes out.
# SLUICE_BIN is the binary, else build/release/sluice.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sluice=${SLUICE_BIN:-$here/../../build/release/sluice}
folder=$(mktemp -d)
pids=()
end_all() {
  kill "${pids[@]}" 2>/dev/null || true
  wait
  rm -rf "$folder"
}
trap end_all EXIT

WORKER_LISTEN=127.0.0.1:0 SLUICE_DATA_DIR="$folder/state" \
  "$sluice" serve --config "$here/sluice.yaml" >"$folder/log" 2>&1 &
pids+=($!)
until url=$(sed -n 's/^sluice .* serves \(http.*\)$/\1/p' "$folder/log") && [[ -n $url ]]; do
  kill -0 "${pids[0]}" || { cat "$folder/log" >&2 && exit 1; }
  sleep 0.02
done
SLUICE_URL=$url python3 "$here/worker.py" >"$folder/worker.log" 2>&1 &
pids+=($!)

got=$("$sluice" jobs submit --url "$url" --wait wordcount '{"text": "to be or not to be"}')
[[ $got == '{"to":2,"be":2,"or":1,"not":1}' ]] || { echo "got $got" >&2 && exit 1; }
echo "wordcount counts"
