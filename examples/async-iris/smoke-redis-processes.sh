#!/usr/bin/env bash
# Starts a Redis with a password, redis.yaml as the proxy and twice as a worker, on free ports; hands
# jobs in and fetches their results; then plays the part of another proxy and of another worker by
# redis-cli, and ends the workers one by one. SLUICE_BIN is the binary, else build/release/sluice.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/smoke-lib.sh"

export REDIS_PASSWORD=a-password REDISCLI_AUTH=a-password
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
REDIS_PORT=$(free_port) TF_SERVING_GRPC_PORT=$(free_port)
export REDIS_PORT TF_SERVING_GRPC_PORT
redis() { redis-cli -p "$REDIS_PORT" "$@"; }
answers() { [[ $(redis ping 2>/dev/null) == PONG ]]; }
start redis redis-server --port "$REDIS_PORT" --bind 127.0.0.1 --dir "$folder" \
  --requirepass "$REDIS_PASSWORD" --appendonly yes --maxmemory-policy noeviction
wait_until "Redis answers" answers

start proxy env IRIS_PROXY_PORT=0 TF_SERVING_LISTEN_GRPC_PORT="$TF_SERVING_GRPC_PORT" \
  TF_SERVING_LISTEN_REST_PORT=0 IRIS_ADMIN=127.0.0.1:0 "$sluice" serve --config "$here/redis.yaml"
wait_until "the proxy serves" says proxy 'serves grpc'
mapfile -t urls < <(addresses proxy)
proxy=${urls[0]}
predict "$proxy"
expect 200 "\{\"job_id\":\"$job\",\"status\":\"pending\"\}" "$proxy/job/$job"  # nobody runs it yet

for name in worker-1 worker-2; do start "$name" "$sluice" worker --config "$here/redis.yaml"; done
for name in worker-1 worker-2; do wait_until "$name runs" says "$name" 'runs jobs'; done
wait_until "the job that waited is done" completed "$proxy" "$job"
check_proxy "$proxy" redis tensorflow_serving

# Another proxy: three commands.
redis set job:a1b2c3:data "$setosa" >/dev/null
redis set job:a1b2c3:status pending >/dev/null
redis lpush queue:predict a1b2c3 >/dev/null
wait_until "another proxy's job is done" completed "$proxy" a1b2c3
[[ $(redis get job:a1b2c3:status) == completed ]] || give_up "the seed's status does not say so"
[[ $(redis get job:a1b2c3:result) =~ ^$result$ ]] || give_up "the seed's result is another"

# Another worker, alone.
stop worker-1
stop worker-2
predict "$proxy"
[[ $(redis rpop queue:predict) == "$job" ]] || give_up "the job is not in the list"
redis set "job:$job:status" processing >/dev/null
redis set "job:$job:result" '{"prediction": 0, "class_name": "setosa", "probabilities": [0.97, 0.02, 0.01]}' >/dev/null
redis set "job:$job:status" completed >/dev/null
expect 200 '.*"status":"completed","result":\{"prediction":0,.*' "$proxy/job/$job"

# Without its store the proxy says so at once.
kill "${pid_of[redis]}"
wait "${pid_of[redis]}" || true
unset "pid_of[redis]"
gone() { curl --silent "$proxy/health" | grep -q '"redis":"unavailable"'; }
wait_until "the proxy notices" gone
expect 503 '.*"detail":"Service temporarily unavailable".*' "$proxy/predict" -H "$json" -d "$setosa"
stop proxy
finish
