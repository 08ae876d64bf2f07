#!/usr/bin/env bash
# Starts sluice.yaml on free ports, hands jobs in, fetches their results, asks TensorFlow Serving's
# endpoint, and stops it. SLUICE_BIN is the binary, else build/release/sluice.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/smoke-lib.sh"

start sluice env IRIS_PROXY_PORT=0 TF_SERVING_GRPC_PORT=0 TF_SERVING_REST_PORT=0 \
  IRIS_ADMIN=127.0.0.1:0 SLUICE_DATA_DIR="$folder/state" "$sluice" serve --config "$here/sluice.yaml"
wait_until "it serves" says sluice 'serves grpc'
mapfile -t urls < <(addresses sluice)

check_proxy "${urls[0]}" store model
expect 200 '\{\s*"predictions":\s*\[\s*\[0\.9[^]]+\]\s*\]\s*\}' "${urls[1]}/v1/models/iris:predict" \
  -d '{"instances": [[5.1, 3.5, 1.4, 0.2]]}'
expect 200 '.*sluice_requests_total\{api="async_iris",callable="iris",code="ok"\}.*' "${urls[2]}/metrics"
stop sluice
finish
