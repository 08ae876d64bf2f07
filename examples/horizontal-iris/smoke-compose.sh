#!/usr/bin/env bash
# Builds the image, starts compose.yaml, asks every path of the proxy, takes one of two replicas away, then a whole
# service, and removes it all. Needs `docker compose`, so it is no part of `make test`. IRIS_PROXY_PORT: 9000.
set -euo pipefail
in_containers=yes
source "$(dirname "${BASH_SOURCE[0]}")/smoke-lib.sh"

export IRIS_PROXY_PORT=${IRIS_PROXY_PORT:-9000}
proxy=http://127.0.0.1:$IRIS_PROXY_PORT
compose() { docker compose --file "$here/compose.yaml" "$@"; }
remove_all() {
  compose down --timeout 10 >/dev/null 2>&1 || true
  end_all
}
trap remove_all EXIT
all_up() { curl --silent --fail --output /dev/null "$proxy/predict/label" -H "$json" -d "$setosa_row"; }

compose up --build --detach
wait_until "the proxy is healthy" healthy "$proxy"
wait_until "the services are up" all_up
check_proxy "$proxy"

# One replica less changes nothing, once the proxy has left it out.
one=$(compose ps --quiet service_setosa | head -n 1)
docker stop --time 40 "$one" >/dev/null
wait_until "setosa is answered by the other replica" all_up
expect 200 "\{\"setosa\":$yes,\"versicolor\":$no,\"virginica\":$no\}" "$proxy/predict" -H "$json" -d "$setosa_row"

# A service less costs its own entry.
compose stop --timeout 40 service_versicolor >/dev/null
expect 200 "\{\"setosa\":$yes,\"versicolor\":$down,\"virginica\":$no\}" "$proxy/predict" -H "$json" -d "$setosa_row"
finish
