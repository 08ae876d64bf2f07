#!/usr/bin/env bash
# Starts sluice.yaml at free ports and asks every path. SLUICE_BIN is the binary, else
# build/release/sluice.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sluice=${SLUICE_BIN:-$here/../../build/release/sluice}
deadline_s=${SMOKE_DEADLINE_S:-100}
folder=$(mktemp -d)
pid=
end_all() {
  [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
  wait
  rm -rf "$folder"
}
trap end_all EXIT
give_up() {
  echo "FAILED: $*" >&2
  tail -n 20 "$folder/log" >&2
  exit 1
}

NEWS_PORT=0 NEWS_ADMIN=127.0.0.1:0 SLUICE_DATA_DIR="$folder/state" \
  "$sluice" serve --config "$here/sluice.yaml" >"$folder/log" 2>&1 &
pid=$!
until url=$(sed -n 's/^sluice .* serves \(http.*\)$/\1/p' "$folder/log" | head -n 1) && [[ -n $url ]]; do
  kill -0 "$pid" || give_up "it did not start"
  sleep 0.02
done

# expect STATUS PATTERN CURL-ARGUMENT..: one answer; the pattern is a regular expression in it.
expect() {
  local answer
  answer=$(curl --silent --show-error --max-time "$deadline_s" --write-out '\n%{http_code}' "${@:3}" 2>&1) || true
  [[ ${answer##*$'\n'} == "$1" && ${answer%$'\n'*} =~ $2 ]] ||
    give_up "curl ${*:3}: expected $1 $2, got $answer"
}

article=$(printf 'The river rose by two metres in the night, and the old bridge held. %.0s' 1 2 3)
expect 200 '^Ollama is running$' "$url/"
expect 200 '"status":"healthy"' "$url/health"
expect 200 '"status":"healthy"' "$url/health/deep"
expect 200 '"rt_queue":0' "$url/queue/status"
expect 200 '"success":true.*"model":"smollm2"' "$url/api/v1/summarize" \
  -d "{\"article_id\": \"1\", \"content\": \"$article\"}"
expect 200 '^data: "' "$url/api/v1/summarize" \
  -d "{\"article_id\": \"1\", \"content\": \"$article\", \"stream\": true}"
expect 400 'at least 100' "$url/api/v1/summarize" -d '{"article_id": "1", "content": "short"}'
expect 422 'article_id' "$url/api/v1/summarize" -d '{"content": "short"}'
expect 200 '"done":true' "$url/api/generate" \
  -d '{"prompt": "Hello", "options": {"num_predict": 4}, "priority": "high"}'
expect 200 '"role":"assistant"' "$url/api/chat" \
  -d '{"messages": [{"role": "user", "content": "Hello"}], "stream": false, "options": {"num_predict": 4}}'
expect 200 '"finish_reason"' "$url/v1/chat/completions" \
  -d '{"model": "smollm2", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}'
expect 200 'smollm2' "$url/api/tags"
kill "$pid"
wait "$pid" || give_up "it ended with a status after SIGTERM"
pid=
echo "the news creator answers"
