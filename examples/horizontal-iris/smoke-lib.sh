# What the smoke scripts share. Sourced, never run: servers that are started, waited for and ended;
# answers that are checked.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sluice=${SLUICE_BIN:-$here/../../build/release/sluice}
deadline_s=${SMOKE_DEADLINE_S:-30}
json='Content-Type: application/json'
setosa_row='{"data": [[5.1, 3.5, 1.4, 0.2]]}'
virginica_row='{"data": [[6.9, 3.1, 5.4, 2.1]]}'

[[ -n ${in_containers:-} || -x $sluice ]] || { echo "no binary at $sluice: run make build, or set SLUICE_BIN" >&2 && exit 2; }
folder=$(mktemp -d)
servers=()  # names, in the order of starting
declare -A pid_of
passed=0
failed=0

end_all() {
  local name
  for name in "${!pid_of[@]}"; do kill "${pid_of[$name]}" 2>/dev/null || true; done
  wait
  rm -rf "$folder"
}
trap end_all EXIT

# start NAME CONFIG VARIABLE=VALUE..: a server in the background, its output in a file.
start() {
  local name=$1 config=$2
  shift 2
  env "$@" "$sluice" serve --config "$here/$config" >"$folder/$name.log" 2>&1 &
  servers+=("$name")
  pid_of[$name]=$!
}

# wait_until WHAT COMMAND..: polls until the command succeeds; ends the script at the deadline.
wait_until() {
  local what=$1 until=$((SECONDS + deadline_s))
  shift
  until "$@"; do
    ((SECONDS < until)) || give_up "$what: not within $deadline_s s"
    sleep 0.02
  done
}

give_up() {
  echo "FAILED: $*" >&2
  local name
  for name in "${servers[@]}"; do
    echo "-- the last lines of $name:" >&2
    tail -n 20 "$folder/$name.log" >&2
  done
  exit 1
}

running() { [[ -v pid_of[$1] ]] && kill -0 "${pid_of[$1]}" 2>/dev/null; }

# A server names its addresses once all of them are bound; with port 0 that is how one learns them.
has_addresses() {
  running "$1" || give_up "$1 ended at start"
  (($(grep -c '^sluice .* serves http' "$folder/$1.log") >= $2))
}
healthy() { curl --silent --fail --output /dev/null "$1/health"; }

# addresses NAME COUNT: sets `urls` to where the server listens, in the order of its configuration.
addresses() {
  wait_until "$1 serves $2 addresses" has_addresses "$1" "$2"
  mapfile -t urls < <(sed -n 's/^sluice .* serves \(http[^ ]*\)$/\1/p' "$folder/$1.log")
}

# expect STATUS PATTERN CURL-ARGUMENT..: one answer. The pattern is a regular expression for the
# whole body.
expect() {
  local status=$1 pattern=$2 answer body
  shift 2
  answer=$(curl --silent --show-error --max-time "$deadline_s" --write-out '\n%{http_code}' "$@" 2>&1) || true
  body=${answer%$'\n'*}
  if [[ ${answer##*$'\n'} == "$status" && $body =~ ^$pattern$ ]]; then
    passed=$((passed + 1))
    return
  fi
  failed=$((failed + 1))
  printf 'FAILED: curl %s\n  expected %s %s\n  got      %s %s\n' \
    "$*" "$status" "$pattern" "${answer##*$'\n'}" "$body" >&2
}

# What is right, as patterns: the last digits may differ from one processor to another.
yes='\{"prediction":\[0\.9[0-9]+,0\.0[0-9]+\]\}'
no='\{"prediction":\[0\.0[0-9]+,0\.9[0-9]+\]\}'
down='\{"error":\{"code":"unavailable","message":"[^"]+"\}\}'
ok='\{"health":"ok"\}'
input='"data_type":"float32","data_structure":"\(1,4\)","data_sample":\[\[5\.1,3\.5,1\.4,0\.2\]\]'
output='"prediction_type":"float32","prediction_structure":"\(1,2\)","prediction_sample":'

# check_service URL MODEL: every path of one service.
check_service() {
  local url=$1 setosa=$no virginica=$no
  [[ $2 == setosa ]] && setosa=$yes
  [[ $2 == virginica ]] && virginica=$yes
  expect 200 "$ok" "$url/health"
  expect 200 "\{$input,$output\[0\.[0-9]+,0\.[0-9]+\]\}" "$url/metadata"
  expect 200 "$setosa" "$url/predict/test"
  expect 200 "$setosa" "$url/predict" -H "$json" -d "$setosa_row"
  expect 200 "$virginica" "$url/predict" -H "$json" -d "$virginica_row"
  expect 422 '.*row 0: expected 4 columns, got 2.*' "$url/predict" -H "$json" -d '{"data": [[1, 2]]}'
}

# check_proxy URL: every path of the proxy, all members up.
check_proxy() {
  local url=$1
  local all="\{\"setosa\":$yes,\"versicolor\":$no,\"virginica\":$no\}"
  local sample='\[0\.[0-9]+,0\.[0-9]+\]'
  expect 200 "$ok" "$url/health"
  expect 200 "\{\"setosa\":$ok,\"versicolor\":$ok,\"virginica\":$ok\}" "$url/health/all"
  expect 200 "\{$input,$output\{\"setosa\":$sample,\"versicolor\":$sample,\"virginica\":$sample\}\}" "$url/metadata"
  expect 200 "$all" "$url/predict" -H "$json" -d "$setosa_row"
  expect 200 "\{\"setosa\":$no,\"versicolor\":$no,\"virginica\":$yes\}" "$url/predict" -H "$json" -d "$virginica_row"
  expect 200 '\{"prediction":\{"proba":0\.9[0-9]+,"label":"setosa"\}\}' "$url/predict/label" -H "$json" -d "$setosa_row"
  expect 200 '\{"prediction":\{"proba":0\.9[0-9]+,"label":"virginica"\}\}' "$url/predict/label" -H "$json" -d "$virginica_row"
  expect 200 "$all" "$url/predict/get/test"
  expect 200 "$all" -X POST "$url/predict/post/test"
  expect 200 '.*"predictions":\[\[0\.9.*\],\[0\.0.*\]\].*' "$url/predict" -H "$json" \
    -d '{"data": [[5.1, 3.5, 1.4, 0.2], [6.9, 3.1, 5.4, 2.1]]}'
  expect 400 '.*not JSON at byte 10.*' "$url/predict" -H "$json" -d '{"data": ['
  expect 405 '.*POST.*' "$url/predict"
  expect 404 '.*' "$url/nothing"
}

# stop NAME: SIGTERM, and it must end well.
stop() {
  local status=0
  kill "${pid_of[$1]}"
  wait "${pid_of[$1]}" || status=$?
  unset "pid_of[$1]"
  if ((status == 0)); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $1 ended with status $status after SIGTERM" >&2
  fi
}

finish() {
  echo "$(basename "$0"): $passed checks held, $failed failed"
  ((failed == 0)) || give_up "$failed checks"
}
