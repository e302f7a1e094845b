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

# Hosts that are network namespaces of this machine, joined by a switch with
# delay and loss, on which to try programs for several machines. Needs root,
# iproute2 and /dev/net/tun.
#
# Usage:
#   hosts.sh up [NUMBER [DELAY [LOSS]]]  makes hosts, 3 by default; each frame is
#                                        0.002 s late, 0.001 of them are lost
#   hosts.sh run INDEX COMMAND...        runs a command on a host
#   hosts.sh cut INDEX                   cuts a host off from the others
#   hosts.sh join INDEX                  brings a host back
#   hosts.sh down                        removes all hosts
#
# The hosts are 10.77.0.1, 10.77.0.2, ...

set -euo pipefail

readonly prefix=metamimic-host
readonly network=10.77.0
readonly state="${TMPDIR:-/tmp}/metamimic-hosts"

name() {
  printf '%s%s' "${prefix}" "$1"
}

folder() {
  local path="${state}/$1"
  mkdir -p "${path}" /tmp/ray
  printf '%s' "${path}"
}

# The command takes the place of the shell, so that signals reach it.
exec_in_host() {
  local index="$1"
  shift
  # Ray keeps the address of its host in a folder. Each host has one of its own,
  # which its commands alone see.
  exec ip netns exec "$(name "${index}")" bash -c \
    'mount --bind "$0" /tmp/ray && exec "$@"' "$(folder "${index}")" "$@"
}

in_host() {
  (exec_in_host "$@")
}

start_switch() {
  local number="$1" attempt
  mkdir -p "${state}"
  rm -f "${state}"/cut-*
  setsid python3 "$(dirname "$0")/switch.py" "$@" "${state}" \
    > "${state}/switch.log" 2>&1 < /dev/null &
  echo $! > "${state}/switch.pid"
  for ((attempt = 0; attempt < 50; attempt++)); do
    ip link show "mm${number}" > /dev/null 2>&1 && return
    sleep 0.1
  done
  cat "${state}/switch.log" >&2
  echo "The switch did not start; see above." >&2
  return 1
}

up() {
  local number="${1:-3}" delay="${2:-0.002}" loss="${3:-0.001}" index
  start_switch "${number}" "${delay}" "${loss}"
  for ((index = 1; index <= number; index++)); do
    ip netns add "$(name "${index}")"
    # Large frames: a switch in Python counts frames and not bytes.
    ip link set "mm${index}" netns "$(name "${index}")" name eth0 mtu 9000
    in_host "${index}" ip address add "${network}.${index}/24" dev eth0
    in_host "${index}" ip link set eth0 up
    in_host "${index}" ip link set lo up
    # Ray takes the address of the interface that has the default route.
    in_host "${index}" ip route add default dev eth0
  done
}

down() {
  local host
  while read -r host _; do
    if [[ "${host}" == "${prefix}"* ]]; then
      ip netns delete "${host}"
    fi
  done < <(ip netns list)
  if [[ -f "${state}/switch.pid" ]]; then
    kill "$(cat "${state}/switch.pid")" 2> /dev/null || true
    rm -f "${state}/switch.pid"
  fi
}

case "${1:-}" in
  up) up "${@:2}" ;;
  down) down ;;
  run) exec_in_host "${@:2}" ;;
  cut) touch "${state}/cut-${2:?which host?}" ;;
  join) rm -f "${state}/cut-${2:?which host?}" ;;
  *)
    sed -n '/^# Usage/,/^# The hosts/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
