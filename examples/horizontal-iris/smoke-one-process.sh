#!/usr/bin/env bash
# Starts sluice.yaml, asks every path of every service, and stops it. Ports are free ones unless
# IRIS_PROXY_PORT and the others name some; SLUICE_BIN is the binary, else build/release/sluice.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/smoke-lib.sh"

start sluice sluice.yaml IRIS_PROXY_PORT="${IRIS_PROXY_PORT:-0}" \
  IRIS_SETOSA_PORT="${IRIS_SETOSA_PORT:-0}" IRIS_VERSICOLOR_PORT="${IRIS_VERSICOLOR_PORT:-0}" \
  IRIS_VIRGINICA_PORT="${IRIS_VIRGINICA_PORT:-0}" IRIS_ADMIN="${IRIS_ADMIN:-127.0.0.1:0}"
addresses sluice 5
proxy=${urls[0]}
for url in "${urls[@]:0:4}"; do wait_until "$url is healthy" healthy "$url"; done

check_proxy "$proxy"
check_service "${urls[1]}" setosa
check_service "${urls[2]}" versicolor
check_service "${urls[3]}" virginica
expect 200 '.*"name":"label","datatype":"BYTES","shape":\[1\],"data":\["setosa"\].*' "$proxy/v2/models/iris/infer" \
  -d '{"inputs": [{"name": "float_input", "datatype": "FP32", "shape": [1, 4], "data": [5.1, 3.5, 1.4, 0.2]}]}'
expect 200 '.*sluice_requests_total\{api="horizontal_proxy",callable="iris",code="ok"\}.*' "${urls[4]}/metrics"
stop sluice
finish
