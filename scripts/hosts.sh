#!/usr/bin/env bash
# Copyright 2026 The acme_metamimic Authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# Hosts that are network namespaces of this machine, joined by a bridge, to try
# with what several machines are for. Needs root and iproute2.
#
# Usage:
#   scripts/hosts.sh up [NUMBER [DELAY [LOSS]]]   3 hosts, 2ms, 0.1% by default
#   scripts/hosts.sh run INDEX COMMAND...         runs a command on a host
#   scripts/hosts.sh cut INDEX                    takes a host off the network
#   scripts/hosts.sh join INDEX                   brings it back
#   scripts/hosts.sh down                         removes all
#
# The hosts are 10.77.0.1, 10.77.0.2, ...

set -euo pipefail

readonly bridge=metamimic0
readonly prefix=metamimic-host
readonly network=10.77.0

name() {
  printf '%s%s' "${prefix}" "$1"
}

folder() {
  local path="${TMPDIR:-/tmp}/metamimic-hosts/$1"
  mkdir -p "${path}" /tmp/ray
  printf '%s' "${path}"
}

in_host() {
  local index="$1"
  shift
  # Each host has a folder of its own for Ray, whose sessions keep the address
  # of the host there; this is seen by the command alone.
  ip netns exec "$(name "${index}")" bash -c \
    'mount --bind "$0" /tmp/ray && exec "$@"' "$(folder "${index}")" "$@"
}

up() {
  local number="${1:-3}" delay="${2:-2ms}" loss="${3:-0.1%}" index
  ip link add "${bridge}" type bridge
  ip link set "${bridge}" up
  for ((index = 1; index <= number; index++)); do
    ip netns add "$(name "${index}")"
    ip link add "mm${index}" type veth peer name eth0 \
      netns "$(name "${index}")"
    ip link set "mm${index}" master "${bridge}" up
    in_host "${index}" ip address add "${network}.${index}/24" dev eth0
    in_host "${index}" ip link set eth0 up
    in_host "${index}" ip link set lo up
    # Ray takes the address that the way out has.
    in_host "${index}" ip route add default dev eth0
    # Not every kernel has it; hosts without delay are better than none.
    in_host "${index}" tc qdisc add dev eth0 root netem \
      delay "${delay}" loss "${loss}" 2>/dev/null \
      || echo "This kernel has no netem: host ${index} has no delay." >&2
  done
}

down() {
  local host
  while read -r host _; do
    if [[ "${host}" == "${prefix}"* ]]; then
      ip netns delete "${host}"
    fi
  done < <(ip netns list)
  ip link delete "${bridge}" 2>/dev/null || true
}

case "${1:-}" in
  up) up "${@:2}" ;;
  down) down ;;
  run) in_host "${@:2}" ;;
  cut) ip link set "mm${2:?which host?}" down ;;
  join) ip link set "mm${2:?which host?}" up ;;
  *)
    sed -n '/^# Usage/,/^# The hosts/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
