#!/usr/bin/env bash
# The whole exchange on one machine: config, heartbeat, events, a controller that is killed, one
# that asks for something else, an agent that is killed: `smoke-agent-controller.sh [AGENT CONTROLLER]`.
#
# Needs root. Both are built if they are not given. Leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" -eq 0 ] || { echo "smoke-agent-controller: needs root, to load BPF" >&2; exit 1; }
agent=${1:-} controller=${2:-}
if [ -z "$agent" ] || [ -z "$controller" ]; then
  cargo build -q -p tapio-agent -p tapio-controller
  agent=target/debug/tapio-agent controller=target/debug/tapio-controller
fi

folder=$(mktemp -d) agent_pid='' controller_pid=''
leave() {
  local pid
  for pid in $agent_pid $controller_pid; do kill -KILL "$pid" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap leave EXIT

fail() {
  echo "smoke-agent-controller: $1" >&2
  tail -n 20 "$folder"/*.words >&2
  exit 1
}

# Waits at most 30 seconds until a command succeeds.
await() {
  local what=$1
  shift
  for _ in $(seq 300); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  fail "waited in vain for $what"
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# What is killed holds its port and its directory until it is gone.
kill_hard() {
  kill -KILL "$1"
  await "process $1 to be gone" gone "$1"
}

start_controller() { # PROFILE
  # As if the shell had not started it: what becomes of it is no news.
  "$controller" --listen "127.0.0.1:${port:-0}" --profile "$1" --accepted "$folder/accepted" \
    2>>"$folder/controller.words" & disown
  controller_pid=$!
  await "the controller" grep -q 'listening on' "$folder/controller.words"
  port=$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$folder/controller.words" | tail -1)
}

start_agent() {
  : >"$folder/agent.words"
  "$agent" --controller-endpoint "http://127.0.0.1:$port" --config-poll-interval 1 \
    --heartbeat-interval 1 --observers network --fair-share 0 --sink file --sink controller \
    --data-dir "$folder/evidence" --state-dir "$folder/state" --agent-id smoke 2>>"$folder/agent.words" & disown
  agent_pid=$!
  await "the agent" grep -q observing "$folder/agent.words"
}

status() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET /v1/status HTTP/1.1\r\nHost: smoke\r\nConnection: close\r\n\r\n' >&3
  cat <&3
  exec 3>&-
}
says() { status | grep -q -- "$1"; }

# The hash the controller serves, and whether the agent says that it runs just that.
served() { status | sed -n 's/.*"config":{"version":"[0-9]*","config_hash":"\(sha256:[0-9a-f]*\)".*/\1/p'; }
runs() { [ -n "$(served)" ] && says "\"reported_config_hash\":\"$(served)\""; }

# Causes a refused connect at a port of its own, and waits until the controller has it.
next=$((20000 + RANDOM % 20000))
refuse() {
  next=$((next + 1))
  while (exec 3<>"/dev/tcp/127.0.0.1/$next") 2>/dev/null; do next=$((next + 1)); done
}
taken() { grep -q "\"dst_port\":$next," "$folder/accepted"; }

printf 'apiVersion: tapio.false.systems/v0\nkind: EvidenceProfile\nbase: production-default\n' >"$folder/first"
{ cat "$folder/first"; printf 'overrides:\n  network:\n    rtt_spike:\n      ratio: 7\n'; } >"$folder/second"
start_controller "$folder/first"
start_agent
await "the agent to run the config" runs
refuse
await "a refused connect" taken

kill_hard "$controller_pid"
refuse
: >"$folder/controller.words"
start_controller "$folder/second"
await "what happened without a controller" taken
await "the agent to run the other config" runs

kill_hard "$agent_pid"
start_agent
grep -q "observing.*$(served)" "$folder/agent.words" || fail "the last config was not kept"
refuse
await "a refused connect after a restart" taken
says '"gaps_total":0,"regressions_total":0' || fail "batches are missing: $(status | tail -1)"

kill -TERM "$agent_pid"
await "the agent to leave" gone "$agent_pid"
stored=$(cat "$folder"/evidence/20*.jsonl | wc -l) ids=$(grep -o '"id":"[^"]*"' "$folder/accepted" | sort -u | wc -l)
[ "$stored" -eq "$(wc -l <"$folder/accepted")" ] || fail "of $stored events $(wc -l <"$folder/accepted") were taken"
[ "$stored" -eq "$ids" ] || fail "of $stored events $ids are different"
echo "smoke-agent-controller: $stored events, each taken once, through a restart of either side"
