# What the smoke scripts share. Sourced, never run: processes that are started, waited for and ended;
# answers that are checked.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sluice=${SLUICE_BIN:-$here/../../build/release/sluice}
deadline_s=${SMOKE_DEADLINE_S:-30}
json='Content-Type: application/json'
setosa='{"data": [[5.1, 3.5, 1.4, 0.2]]}'
[[ -x $sluice ]] || { echo "no binary at $sluice: run make build, or set SLUICE_BIN" >&2 && exit 2; }
folder=$(mktemp -d)
declare -A pid_of
passed=0

end_all() {
  local name
  for name in "${!pid_of[@]}"; do kill "${pid_of[$name]}" 2>/dev/null || true; done
  wait
  rm -rf "$folder"
}
trap end_all EXIT

# start NAME COMMAND..: a process in the background, its output in a file.
start() {
  local name=$1
  shift
  "$@" >"$folder/$name.log" 2>&1 &
  pid_of[$name]=$!
}

# stop NAME: SIGTERM, and it must end well.
stop() {
  local status=0
  kill "${pid_of[$1]}"
  wait "${pid_of[$1]}" || status=$?
  unset "pid_of[$1]"
  ((status == 0)) || give_up "$1 ended with status $status after SIGTERM"
  passed=$((passed + 1))
}

give_up() {
  echo "FAILED: $*" >&2
  tail -n 20 "$folder"/*.log >&2
  exit 1
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

says() { grep -qs "$2" "$folder/$1.log"; }
# The addresses of a process, in the order in which it names them.
addresses() { sed -n 's/^sluice .* serves \([a-z]*:.*\)$/\1/p' "$folder/$1.log"; }

# expect STATUS PATTERN CURL-ARGUMENT..: one answer. The pattern is a regular expression for the
# whole body.
expect() {
  local answer
  answer=$(curl --silent --show-error --max-time "$deadline_s" --write-out '\n%{http_code}' "${@:3}" 2>&1) || true
  if [[ ${answer##*$'\n'} == "$1" && ${answer%$'\n'*} =~ ^$2$ ]]; then
    passed=$((passed + 1))
  else
    give_up "curl ${*:3}: expected $1 $2, got ${answer##*$'\n'} ${answer%$'\n'*}"
  fi
}

result='\{"prediction":0,"class_name":"setosa","probabilities":\[0\.9[0-9]+,[^]]+\]\}'

# predict URL: hands a job in and sets `job`.
predict() {
  job=$(curl --silent --max-time "$deadline_s" "$1/predict" -H "$json" -d "$setosa" |
    sed -n 's/^{"job_id":"\([^"]*\)"}$/\1/p')
  [[ -n $job ]] || give_up "$1/predict gave no job_id"
}
completed() { curl --silent "$1/job/$2" | grep -q '"status":"completed"'; }

# check_proxy URL STORE MODEL: every path of the proxy; the last two are its components' names.
check_proxy() {
  wait_until "all components are well" healthy "$1"
  expect 200 "\{\"status\":\"healthy\",\"components\":\{\"$2\":\"ok\",\"$3\":\"ok\"\}\}" "$1/health"
  expect 200 '\{"model_spec":\{"name":"iris","version":"1"\},.*"input":\{"dtype":"DT_FLOAT".*' "$1/metadata"
  predict "$1"
  wait_until "the job is done" completed "$1" "$job"
  expect 200 "\{\"job_id\":\"$job\",\"status\":\"completed\",\"result\":$result\}" "$1/job/$job"
  expect 200 '\{"job_id":"[^"]+"\}' -X POST "$1/predict/test"
  expect 200 ".*\"job_id\":\"$job\",\"status\":\"completed\".*" "$1/jobs?status=completed"
  expect 422 '.*row 0: expected 4 columns, got 2.*' "$1/predict" -H "$json" -d '{"data": [[1, 2]]}'
  expect 404 '.*"detail":"Job not found".*' "$1/job/a1b2c3"
}
healthy() { curl --silent "$1/health" | grep -q '"status":"healthy"'; }

finish() { echo "$(basename "$0"): $passed checks held"; }
