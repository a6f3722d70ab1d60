#!/usr/bin/env bash
# The real agent, one refused connect, and the occurrence with exactly its port: `smoke-ebpf-network.sh [AGENT]`.
#
# Needs root. AGENT is built if it is not given. Leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" -eq 0 ] || { echo "smoke-ebpf-network: needs root, to load BPF" >&2; exit 1; }
agent=${1:-}
if [ -z "$agent" ]; then
  cargo build -q -p tapio-agent
  agent=target/debug/tapio-agent
fi

folder=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$folder"' EXIT
"$agent" --sink stdout --observers network --state-dir "$folder" >"$folder/lines" 2>"$folder/words" &
pid=$!

# Waits at most 20 seconds for a pattern in a file.
await() {
  for _ in $(seq 200); do
    grep -q -- "$1" "$2" && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "smoke-ebpf-network: no $1 in $2:" >&2
  cat "$folder/words" >&2
  exit 1
}

await observing "$folder/words"
# A port of the ephemeral range at which nobody listens, and a connect that must be refused.
port=$((40000 + RANDOM % 20000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
await "\"dst_ip\":\"127.0.0.1\",\"src_port\":[0-9]*,\"dst_port\":$port," "$folder/lines"
grep -q '"type":"kernel.network.connection_refused".*"dst_port":'"$port,"'.*"errno":111,' "$folder/lines"
kill -TERM "$pid"
wait "$pid"
echo "smoke-ebpf-network: refused at port $port, as it was said"
