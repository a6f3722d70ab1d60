#!/usr/bin/env bash
# The agent stays small by what it leaves out: fails when anything on the denylist is in its build.
# The list is tests/data/dependencies/agent-denied.txt; a test holds the same against cargo metadata.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$HOME/.cargo/bin"

denied=tests/data/dependencies/agent-denied.txt
[ -s "$denied" ] || { echo "there is no denylist: $denied" >&2; exit 1; }
found=$(cargo tree --package tapio-agent --edges normal,build --prefix none --format '{p}' | cut -d' ' -f1 | sort -u)
mapfile -t hits < <(grep -Fxf "$denied" <<<"$found")
if [ ${#hits[@]} -gt 0 ]; then
  printf 'the agent must not depend on %s\n' "${hits[@]}" >&2
  exit 1
fi
printf 'the agent is built from %d packages, none of them denied\n' "$(wc -l <<<"$found")"
