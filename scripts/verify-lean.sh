#!/usr/bin/env bash
# Everything that keeps the house lean: format, lint, tests, sizes, and what is pulled in.
#   scripts/verify-lean.sh             all of it
#   scripts/verify-lean.sh snapshot    only: is what ships built from what tests/data/dependencies says?
#   scripts/verify-lean.sh update      write that snapshot anew; the difference belongs in the commit's reasons
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$HOME/.cargo/bin"
folder=tests/data/dependencies

# What a package is built from, with versions, ours left out.
built_from() {
  cargo tree --locked --package "$1" --edges normal,build --prefix none --format '{p}' \
    | awk '$1 !~ /^tapio-/ { print $1, $2 }' | LC_ALL=C sort -u
}

snapshot() {
  local package status=0
  for package in tapio-agent tapio-cli tapio-controller; do
    built_from "$package" | diff -u --label "$folder/$package.txt" --label 'as resolved now' \
      "$folder/$package.txt" - || status=1
  done
  [ $status -eq 0 ] || echo "what ships is built from something else than before; scripts/verify-lean.sh update" >&2
  return $status
}

update() {
  local package
  for package in tapio-agent tapio-cli tapio-controller; do
    built_from "$package" >"$folder/$package.txt"
  done
}

case ${1:-all} in
  snapshot) snapshot ;;
  update) update ;;
  all)
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo test --workspace --locked
    scripts/sizes --build
    scripts/check-agent-deps.sh
    snapshot
    ;;
  *)
    echo "usage: scripts/verify-lean.sh [snapshot|update]" >&2
    exit 2
    ;;
esac
