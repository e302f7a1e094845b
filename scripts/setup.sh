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

# Makes .venv with the pinned packages and sees that MuJoCo can draw without a
# display. The targets of the Makefile begin with it; it returns at once when
# all is done already, and takes up a set-up that was interrupted.
#
# Usage: scripts/setup.sh [--packages-only]
#
# Environment:
#   PYTHON      the Python 3.10 to use; found by itself when empty.
#   MUJOCO_GL   the rendering backend to check; egl when empty.
#   GPU         1 installs TensorFlow for accelerators, of requirements-gpu.txt,
#               and so do all later calls; `make clean` ends that.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly venv_python=.venv/bin/python
readonly packages_stamp=.venv/packages.stamp
readonly renderer_stamp=.venv/renderer.stamp
readonly gpu_stamp=.venv/gpu.stamp
readonly log=.venv/setup.log
readonly gl_packages=(libegl1 libgl1-mesa-dri libopengl0)
export MUJOCO_GL="${MUJOCO_GL:-egl}"

say() {
  printf 'Setting up: %s\n' "$*"
}

fail() {
  printf 'Set-up failed: %s\n' "$*" >&2
  exit 1
}

check_platform() {
  local platform
  platform="$(uname -sm)"
  [[ "${platform}" == 'Linux x86_64' ]] || fail "this is ${platform}, and" \
    'dm-launchpad and dm-reverb exist for Linux on x86_64 alone; use such a' \
    'machine, or a container on this one.'
}

# Prints the path of the interpreter behind a command, if that is Python 3.10,
# really runs (a shim on PATH may not) and can make a virtual environment.
resolve_python310() {
  "$1" -I -c '
import ensurepip, os, ssl, sys, venv
if sys.version_info[:2] != (3, 10):
  sys.exit(1)
print(os.path.realpath(sys.executable))
' 2>/dev/null
}

python_candidates() {
  type -aP python3.10 || true
  compgen -G "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/3.10.*/bin/python3.10" \
    | sort -rV || true
  uv python find --system --no-python-downloads 3.10 2>/dev/null || true
  type -aP python3 python || true
}

find_python() {
  local candidate
  if [[ -n "${PYTHON:-}" ]]; then
    resolve_python310 "${PYTHON}" || fail "PYTHON=${PYTHON} is no Python 3.10" \
      'with ensurepip, ssl and venv; name another one, or none to look for it.'
    return
  fi
  while read -r candidate; do
    resolve_python310 "${candidate}" && return
  done < <(python_candidates)
  if uv --version >/dev/null 2>&1; then
    say 'no Python 3.10 here; asking uv to fetch one.' >&2
    uv python install 3.10 >&2 || true
    candidate="$(uv python find --system 3.10 2>/dev/null || true)"
    if [[ -n "${candidate}" ]]; then
      resolve_python310 "${candidate}" && return
    fi
  fi
  fail 'Python 3.10 was not found; install it (pyenv install 3.10, uv python' \
    'install 3.10, or python3.10 and python3.10-venv of your system) or name' \
    'it (make demo PYTHON=/path/to/python3.10), and run again.'
}

make_environment() {
  local python
  if [[ -x "${venv_python}" ]] \
    && "${venv_python}" -m pip --version >/dev/null 2>&1 \
    && resolve_python310 "${venv_python}" >/dev/null; then
    return
  fi
  python="$(find_python)"
  say "Python 3.10 found at ${python}; making .venv."
  "${python}" -m venv --clear .venv \
    || fail "${python} could not make .venv; see above, remove what is in its" \
      'way and run again.'
}

pip_install() {
  "${venv_python}" -m pip --disable-pip-version-check --no-input install \
    --no-deps "$@" >>"${log}" 2>&1 && return
  grep -E '^ *(ERROR|error|[A-Za-z]+Error):' "${log}" | tail -n 3 >&2 || true
  fail "pip could not install the packages (all it said is in ${log}); check" \
    'the network and the disk, and run again.'
}

wants_gpu() {
  [[ "${GPU:-}" == 1 || -e "${gpu_stamp}" ]]
}

# Puts TensorFlow for accelerators in the place of that for CPUs. It looks for
# libraries beside itself, so that no process needs LD_LIBRARY_PATH.
install_gpu() {
  say 'installing TensorFlow for accelerators and its libraries (2 GB).'
  "${venv_python}" -m pip --disable-pip-version-check --no-input uninstall \
    --yes tensorflow-cpu >>"${log}" 2>&1
  pip_install --requirement requirements-gpu.txt
  (
    cd .venv/lib/python3.10/site-packages/tensorflow
    ln -sf ../nvidia/*/lib/*.so* .
  )
  touch "${gpu_stamp}"
}

install_packages() {
  local wanted
  wanted="$(sha256sum <requirements.txt)"
  if wants_gpu; then
    wanted+=" $(sha256sum <requirements-gpu.txt)"
  fi
  if [[ -x "${venv_python}" ]] \
    && [[ "$(cat "${packages_stamp}" 2>/dev/null)" == "${wanted}" ]]; then
    return
  fi
  make_environment
  rm -f "${packages_stamp}" "${renderer_stamp}"
  say "installing $(grep -c == requirements.txt) packages (a minute or two)."
  : >"${log}"
  # Some packages come as source alone. They are built with these, and not each
  # with the newest setuptools, which no longer takes them.
  # shellcheck disable=SC2046
  pip_install $(grep -E '^(packaging|setuptools|wheel)==' requirements.txt)
  pip_install --no-build-isolation --use-pep517 --requirement requirements.txt
  if wants_gpu; then
    install_gpu
  fi
  printf '%s\n' "${wanted}" >"${packages_stamp}"
}

# Whether root's rights are to be had without asking; sets `as_root` to the
# command that gives them.
may_install() {
  command -v apt-get >/dev/null || return
  if [[ "$(id -u)" == 0 ]]; then
    as_root=(env)
  else
    as_root=(sudo -n)
    sudo -n true 2>/dev/null
  fi
}

install_gl() {
  local as_root
  may_install || return
  say "no GL library to draw without a display; installing ${gl_packages[*]}."
  {
    "${as_root[@]}" apt-get update -qq || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends -o DPkg::Lock::Timeout=120 "${gl_packages[@]}"
  } </dev/null >>"${log}" 2>&1
}

check_renderer() {
  local report
  [[ "$(cat "${renderer_stamp}" 2>/dev/null)" != "${MUJOCO_GL}" ]] || return 0
  if ! report="$("${venv_python}" -m experiments.doctor renderer 2>&1)"; then
    [[ "${MUJOCO_GL}" != egl ]] || install_gl || true
    if ! report="$("${venv_python}" -m experiments.doctor renderer 2>&1)"; then
      printf '%s\n' "${report}" >&2
      fail 'MuJoCo cannot draw without a display; do as the lines above say,' \
        'and run again.'
    fi
  fi
  printf '%s\n' "${MUJOCO_GL}" >"${renderer_stamp}"
}

main() {
  check_platform
  # One set-up of this folder at a time.
  exec 9<requirements.txt
  if command -v flock >/dev/null && ! flock --nonblock 9; then
    say 'another set-up is at work in this folder; waiting for it.'
    flock 9
  fi
  install_packages
  [[ "${1:-}" == --packages-only ]] || check_renderer
}

main "$@"
