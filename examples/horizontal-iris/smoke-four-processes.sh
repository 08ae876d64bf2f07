#!/usr/bin/env bash
# Starts three times service.yaml and proxy.yaml over them, asks every path of every process, then
# ends one service: its entry alone is missing. Ports are free ones unless IRIS_PROXY_PORT and the
# others name some; SLUICE_BIN is the binary, else build/release/sluice.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/smoke-lib.sh"

start setosa service.yaml IRIS_MODEL=setosa IRIS_PORT="${IRIS_SETOSA_PORT:-0}"
start versicolor service.yaml IRIS_MODEL=versicolor IRIS_PORT="${IRIS_VERSICOLOR_PORT:-0}"
start virginica service.yaml IRIS_MODEL=virginica IRIS_PORT="${IRIS_VIRGINICA_PORT:-0}"
declare -A url_of
for name in setosa versicolor virginica; do
  addresses "$name" 1
  url_of[$name]=${urls[0]}
  wait_until "$name is healthy" healthy "${urls[0]}"
done
start proxy proxy.yaml IRIS_PROXY_PORT="${IRIS_PROXY_PORT:-0}" IRIS_DEADLINE="${deadline_s}s" \
  IRIS_SETOSA="${url_of[setosa]}" IRIS_VERSICOLOR="${url_of[versicolor]}" \
  IRIS_VIRGINICA="${url_of[virginica]}"
addresses proxy 1
proxy=${urls[0]}
wait_until "the proxy is healthy" healthy "$proxy"

for name in setosa versicolor virginica; do check_service "${url_of[$name]}" "$name"; done
check_proxy "$proxy"

# One service less: the others' answers stand.
stop versicolor
expect 200 "\{\"setosa\":$yes,\"versicolor\":$down,\"virginica\":$no\}" "$proxy/predict" -H "$json" -d "$setosa_row"
expect 200 '\{"prediction":\{"proba":0\.9[0-9]+,"label":"setosa"\},"missing":\{"versicolor":\{"code":"unavailable",.*\}\}\}' \
  "$proxy/predict/label" -H "$json" -d "$setosa_row"
expect 200 "\{\"setosa\":$ok,\"versicolor\":\{\"health\":\"down\",.*\},\"virginica\":$ok\}" "$proxy/health/all"
expect 200 "\{\"setosa\":$yes,\"versicolor\":$down,\"virginica\":$no\}" "$proxy/predict/get/test"

# None left: the proxy lives and says so.
stop setosa
stop virginica
expect 503 '.*"code":"unavailable".*' "$proxy/predict" -H "$json" -d "$setosa_row"
expect 503 '.*"health":"down".*' "$proxy/health/all"
expect 200 "$ok" "$proxy/health"
stop proxy
finish
