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
"""Checks of the machine: does it have all that the project needs?

This module needs Python alone, so that it can tell what else is missing. What may
crash on import is tried in a process of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
import math
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple, Optional

# The checkout, or the folder that the packages are installed in.
_ROOT = pathlib.Path(__file__).resolve().parents[2]
_REQUIREMENTS = _ROOT / 'requirements.txt'
_GPU_REQUIREMENTS = _ROOT / 'requirements-gpu.txt'
_DISTRIBUTION = 'acme_metamimic'
# The extra of the distribution without which no experiment runs.
_EXTRA = 'experiments'
_GIGABYTE = 1e9

# Memory of the main job at its peak, with room to spare: two replay tables of
# some 5 GB together after 24 minutes, TensorFlow and a renderer.
_MEMORY_NEEDED = 7 * _GIGABYTE
# A run folder with its videos and checkpoints takes far less.
_DISK_NEEDED = 2 * _GIGABYTE
# Ray keeps its objects there, and goes to the disk where there is less.
_SHARED_MEMORY = '/dev/shm'
_SHARED_MEMORY_NEEDED = 1 * _GIGABYTE
# What gRPC reads, the first that is set.
_PROXIES = ('grpc_proxy', 'https_proxy', 'http_proxy')
# One for the environment, one for the learner.
_CORES_NEEDED = 2

_MISMATCHES_SHOWN = 5
_INSTALL = (
  'Run `make clean`, then `make demo`, which installs the pinned list.'
  if _REQUIREMENTS.exists()
  else f'Install `{_DISTRIBUTION}[{_EXTRA}]` in a new virtual environment.'
)

# Importing TensorFlow from a cold disk takes its time.
_PROBE_SECONDS = 180

# dm_control's names of the rendering backends, and the Debian packages without
# which each of them fails.
_GL_PACKAGES = {
  'egl': 'libegl1 libgl1-mesa-dri libopengl0',
  'osmesa': 'libosmesa6',
  'glfw': 'libglfw3 libgl1 libgl1-mesa-dri',
}

_RENDER_PROBE = """
from dm_control import mujoco
from OpenGL import GL
physics = mujoco.Physics.from_xml_string('''
  <mujoco><worldbody>
    <light pos="0 0 2"/><geom type="sphere" size=".1"/>
  </worldbody></mujoco>''')
assert physics.render(32, 32).std() > 0, 'The rendered image is blank.'
with physics.contexts.gl.make_current() as context:
  print(context.call(GL.glGetString, GL.GL_RENDERER).decode())
"""

_TENSORFLOW_PROBE = """
import tensorflow as tf
kinds = [d.device_type for d in tf.config.list_physical_devices()]
found = ', '.join(f'{kinds.count(kind)} {kind}' for kind in sorted(set(kinds)))
print(f'{tf.__version__} sees {found}')
"""

# The import of courier loads the extension that fits one TensorFlow only; the
# server shows that a port can be opened.
_LAUNCHPAD_PROBE = """
import acme_metamimic
import courier
import launchpad
import reverb
server = reverb.Server([reverb.Table.queue('probe', 1)])
assert 'probe' in reverb.Client(f'localhost:{server.port}').server_info()
server.stop()
print('launchpad and courier import, a Reverb server answers')
"""

# Actors of a program step their environments in threads of their own.
_THREADS_PROBE = """
import concurrent.futures
from environments import block_stacking
environment = block_stacking.load(('image',), image_size=(32, 32))
with concurrent.futures.ThreadPoolExecutor(1) as thread:
  thread.submit(environment.reset).result()
with concurrent.futures.ThreadPoolExecutor(1) as thread:
  image = thread.submit(environment.reset).result().observation['image']
assert image.std() > 0, 'The rendered image is blank.'
environment.close()
print('images are drawn from two threads in turn')
"""

_VIDEO_PROBE = """
import imageio_ffmpeg
print('ffmpeg', imageio_ffmpeg.get_ffmpeg_version())
"""


class Check(NamedTuple):
  """The outcome of one check.

  Attributes:
    name: name of the check.
    ok: whether the machine passes.
    found: what was found on the machine.
    remedy: what to do if `ok` is False.
    required: whether the project cannot do without.
  """

  name: str
  ok: bool
  found: str
  remedy: str = ''
  required: bool = True


def check_python(
  version: tuple[int, ...] = tuple(sys.version_info[:3]),
  machine: Optional[str] = None,
) -> Check:
  """Is this the Python, and the kind of machine, that the pins exist for?

  Args:
    version: numbers of Python's version, from the major number on.
    machine: operating system and processor, as `uname -sm` prints them; this
      machine's by default.
  """
  machine = machine or f'{platform.system()} {platform.machine()}'
  found = f'{".".join(map(str, version))} on {machine}, {sys.executable}'
  if machine != 'Linux x86_64':
    remedy = (
      'dm-launchpad and dm-reverb exist for Linux on x86_64 alone: use such a '
      'machine, or a container on this one.'
    )
    return Check('python', False, found, remedy)
  remedy = (
    'Python 3.10 is needed: run `make doctor`, or .venv/bin/python once '
    '`make demo` has made it.'
  )
  return Check('python', version[:2] == (3, 10), found, remedy)


def read_pins(path: pathlib.Path = _REQUIREMENTS) -> dict[str, str]:
  """Returns the pinned versions by the names of packages.

  Args:
    path: file of `name==version` lines, with comments and blank lines. Without
      it, as where a wheel is installed, the pins are those of the installed
      distribution: fewer, as it pins only what works in no other version.

  Raises:
    PackageNotFoundError: if there is neither the file nor the distribution.
  """
  if not path.exists():
    return _distribution_pins(metadata.requires(_DISTRIBUTION) or ())
  pins = _pins_of(path)
  if path == _REQUIREMENTS and _installed_version('tensorflow'):
    # It has the place of the one for CPUs.
    pins.pop('tensorflow-cpu', None)
    pins.update(_pins_of(_GPU_REQUIREMENTS))
  return pins


def _pins_of(path: pathlib.Path) -> dict[str, str]:
  """Returns the pins of a file."""
  pins = {}
  for line in path.read_text().splitlines():
    line = line.split('#')[0].strip()
    if line:
      name, version = line.split('==')
      pins[name] = version
  return pins


def _distribution_pins(requirements: Iterable[str]) -> dict[str, str]:
  """Returns the pins among requirements, without those of other extras."""
  pins = {}
  for requirement in requirements:
    # Such as `ray (==2.48.0) ; extra == 'ray'`; older tools write parentheses.
    requirement, _, marker = requirement.partition(';')
    pin = re.fullmatch(r'([\w.-]+)\s*\(?==([\w.]+)\)?\s*', requirement)
    extra = re.search(r'extra == ["\'](.*?)["\']', marker)
    if pin and (extra is None or extra[1] == _EXTRA):
      pins[pin[1]] = pin[2]
  return pins


def _installed_version(name: str) -> Optional[str]:
  try:
    return metadata.version(name)
  except metadata.PackageNotFoundError:
    return None


def check_packages(
  pins: Optional[Mapping[str, str]] = None,
  installed_version: Callable[[str], Optional[str]] = _installed_version,
) -> Check:
  """Are all packages there, in the pinned versions?

  Args:
    pins: pinned versions by the names of packages; `read_pins()` by default.
    installed_version: function that returns a package's installed version, None
      if the package is missing.
  """
  if pins is None:
    try:
      pins = read_pins()
    except metadata.PackageNotFoundError:
      found = f'no requirements.txt, and {_DISTRIBUTION} is not installed'
      return Check('packages', False, found, _INSTALL)
  installed = {name: installed_version(name) for name in pins}
  wrong = [
    f'{name} {installed[name] or "missing"}, not {version}'
    for name, version in pins.items()
    if installed[name] != version
  ]
  found = f'{len(pins) - len(wrong)} of {len(pins)} as pinned'
  shown = wrong[:_MISMATCHES_SHOWN]
  if len(wrong) > len(shown):
    shown.append(f'and {len(wrong) - len(shown)} more')
  return Check('packages', not wrong, '; '.join([found, *shown]), _INSTALL)


def run_probe(
  code: str,
  environment: Optional[Mapping[str, str]] = None,
  timeout: float = _PROBE_SECONDS,
) -> tuple[bool, str]:
  """Runs code in a Python process of its own.

  Args:
    code: Python code; it fails if it raises, or if its process dies.
    environment: environment variables; those of this process by default.
    timeout: seconds after which the code fails.

  Returns:
    Whether the code succeeded, and the last line that it printed, which is the
    message of the exception if it raised.
  """
  try:
    process = subprocess.run(
      [sys.executable, '-c', code],
      capture_output=True,
      cwd=_ROOT,
      env=None if environment is None else dict(environment),
      text=True,
      timeout=timeout,
    )
  except subprocess.TimeoutExpired:
    return False, f'no answer in {timeout:g} s'
  if process.returncode == 0:
    return True, _last_line(process.stdout)
  # Exceptions in destructors are printed after the one that matters.
  errors = process.stderr.split('Exception ignored in')[0]
  return False, _last_line(errors) or f'exit code {process.returncode}'


def _last_line(text: str) -> str:
  return (text.strip().splitlines() or [''])[-1]


def _check_probe(
  name: str,
  code: str,
  environment: Optional[Mapping[str, str]],
  remedy: str,
  prefix: str = '',
) -> Check:
  ok, found = run_probe(code, environment)
  if found.startswith('ModuleNotFoundError'):
    remedy = _INSTALL
  return Check(name, ok, prefix + found, remedy)


def check_tensorflow(environment: Optional[Mapping[str, str]] = None) -> Check:
  """Does TensorFlow import, and which devices does it see?"""
  return _check_probe('tensorflow', _TENSORFLOW_PROBE, environment, _INSTALL)


def check_launchpad(environment: Optional[Mapping[str, str]] = None) -> Check:
  """Do Launchpad, Courier and Reverb load, and does a server answer?"""
  remedy = (
    'They load with TensorFlow 2.8 alone and need a free local port: see the '
    'packages above, and whether a firewall covers localhost.'
  )
  return _check_probe('launchpad', _LAUNCHPAD_PROBE, environment, remedy)


def check_renderer(environment: Optional[Mapping[str, str]] = None) -> Check:
  """Can MuJoCo draw an image? Tries it, with the backend of `MUJOCO_GL`."""
  environment = os.environ if environment is None else environment
  backend = environment.get('MUJOCO_GL', '')
  if backend in _GL_PACKAGES:
    remedy = (
      'Install a GL library, on Debian and Ubuntu with: '
      f'sudo apt-get install {_GL_PACKAGES[backend]}'
    )
  else:
    remedy = f'Set MUJOCO_GL to one of: {", ".join(_GL_PACKAGES)}.'
  return _check_probe(
    'renderer', _RENDER_PROBE, environment, remedy, f'MUJOCO_GL={backend}: '
  )


def check_threads(environment: Optional[Mapping[str, str]] = None) -> Check:
  """Can environments with images be stepped from any thread?"""
  remedy = (
    'Programs cannot act on images here: mend the renderer above, or use another '
    f'of {", ".join(_GL_PACKAGES)} as MUJOCO_GL.'
  )
  return _check_probe('threads', _THREADS_PROBE, environment, remedy)


def check_video(environment: Optional[Mapping[str, str]] = None) -> Check:
  """Is there an ffmpeg that runs?"""
  remedy = (
    'Unset IMAGEIO_FFMPEG_EXE, so that the ffmpeg that comes with '
    'imageio-ffmpeg is taken, or set it to the path of yours.'
  )
  return _check_probe('video', _VIDEO_PROBE, environment, remedy)


def check_cores(cores: Optional[int] = None) -> Check:
  """Are there enough cores for acting and learning side by side?

  Args:
    cores: number of cores; those that this process may use by default.
  """
  cores = len(os.sched_getaffinity(0)) if cores is None else cores
  remedy = f'With fewer than {_CORES_NEEDED}, give training more minutes.'
  found = f'{cores} usable'
  return Check('cores', cores >= _CORES_NEEDED, found, remedy, required=False)


def _check_space(name: str, free: float, needed: float, remedy: str) -> Check:
  found = f'{free / _GIGABYTE:.1f} GB free, {needed / _GIGABYTE:g} needed'
  return Check(name, free >= needed, found, remedy, required=False)


def _number_in(path: pathlib.Path, pattern: str = r'^(\d+)$') -> Optional[int]:
  """Returns the number in a file of the kernel, None if there is none."""
  try:
    match = re.search(pattern, path.read_text(), re.MULTILINE)
  except OSError:
    return None
  return int(match[1]) if match else None


def _free_in_group(group: pathlib.Path) -> float:
  """Returns the bytes that a control group may still use, infinite if no limit."""
  for limit_file, used_file, cache in (
    # Version 2, whose limit may be the word `max`, and version 1.
    ('memory.max', 'memory.current', 'inactive_file'),
    ('memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'),
  ):
    limit = _number_in(group / limit_file)
    used = _number_in(group / used_file)
    if limit is not None and used is not None:
      # The kernel gives up cached files before it runs out of memory.
      cached = _number_in(group / 'memory.stat', rf'^{cache} (\d+)$') or 0
      return max(0, limit - used + cached)
  return math.inf


def free_memory(
  proc: pathlib.Path = pathlib.Path('/proc'),
  groups: pathlib.Path = pathlib.Path('/sys/fs/cgroup'),
) -> float:
  """Returns the bytes that this process may use, given its container's limit.

  Args:
    proc: folder of the file system of processes.
    groups: folder of the control groups, of version 1 or 2.
  """
  kilobytes = _number_in(proc / 'meminfo', r'^MemAvailable:\s+(\d+) kB$')
  free = 1024.0 * (kilobytes or 0)
  try:
    lines = (proc / 'self' / 'cgroup').read_text().splitlines()
  except OSError:
    lines = []
  # A line is `number:controllers:path`; the limits of all folders above hold, too.
  own = {'': '/', 'memory': '/'}
  for line in lines:
    _, controllers, path = line.split(':', 2)
    for controller in controllers.split(','):
      if controller in own:
        own[controller] = path
  for controller, path in own.items():
    for folder in (path, *map(str, pathlib.PurePosixPath(path).parents)):
      free = min(free, _free_in_group(groups / controller / folder.lstrip('/')))
  return free


def check_memory(free_bytes: Optional[float] = None) -> Check:
  """Is there memory for the replay tables?

  Args:
    free_bytes: bytes of free memory; `free_memory()` by default.
  """
  free_bytes = free_memory() if free_bytes is None else free_bytes
  remedy = (
    "Close other programs, raise the container's limit if this is one, or make "
    'the replay tables smaller.'
  )
  return _check_space('memory', free_bytes, _MEMORY_NEEDED, remedy)


def check_disk(free_bytes: Optional[float] = None) -> Check:
  """Is there room for run folders?

  Args:
    free_bytes: bytes of free space; by default on the disk of the working
      folder, in which runs are made.
  """
  if free_bytes is None:
    free_bytes = shutil.disk_usage('.').free
  remedy = 'Make room, or choose a run folder on another disk.'
  return _check_space('disk', free_bytes, _DISK_NEEDED, remedy)


def check_proxy(environment: Optional[Mapping[str, str]] = None) -> Check:
  """Do calls to this machine's own servers keep off a proxy?

  Args:
    environment: environment variables; those of this process by default.
  """
  environment = os.environ if environment is None else environment
  proxies = [name for name in _PROXIES if environment.get(name)]
  if not proxies:
    return Check('proxy', True, 'none for gRPC')
  # The address may hold a password.
  found = f'{", ".join(proxies)} set; this project keeps local addresses off it'
  exempt = environment.get('no_proxy', '').split(',')
  remedy = (
    'Other programs with local servers, such as TensorBoard, need '
    'no_proxy=localhost,127.0.0.1,::1.'
  )
  return Check('proxy', 'localhost' in exempt, found, remedy, required=False)


def _locks(folder: str) -> bool:
  """Returns whether a lock in a folder is refused to a second holder.

  Raises:
    OSError: if the folder cannot be written, or has no locks.
  """
  # Here, as Windows has none, and what this module is for is to say so.
  import fcntl

  with tempfile.NamedTemporaryFile(dir=folder, prefix='.locks-') as first:
    fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(first.name) as second:
      try:
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError:
        return True
  return False


def check_locks(folder: str = '.') -> Check:
  """Does the file system have locks, which keep two programs off one file?

  Args:
    folder: folder that runs are made in.
  """
  where = os.path.abspath(folder)
  try:
    ok = _locks(folder)
    found = f'{"work" if ok else "hold nobody off"} in {where}'
  except OSError as error:
    ok, found = False, f'not in {where} ({error.strerror})'
  remedy = (
    'Nothing keeps two programs off one run or recording there: see to it '
    'yourself, and set HDF5_USE_FILE_LOCKING=FALSE to read datasets; or use a '
    'folder on a local disk.'
  )
  return Check('locks', ok, found, remedy, required=False)


def check_shared_memory(free_bytes: Optional[float] = None) -> Check:
  """Is there shared memory for the objects of a Ray cluster?

  Args:
    free_bytes: bytes of free shared memory; by default those of /dev/shm, 0
      without it.
  """
  if free_bytes is None:
    try:
      free_bytes = shutil.disk_usage(_SHARED_MEMORY).free
    except OSError:
      free_bytes = 0
  remedy = (
    f'For --lp_launch_type=ray make {_SHARED_MEMORY} larger, in a container with '
    '--shm-size=2g; nothing else needs it.'
  )
  return _check_space('shm', free_bytes, _SHARED_MEMORY_NEEDED, remedy)


CHECKS: dict[str, Callable[[], Check]] = {
  'python': check_python,
  'packages': check_packages,
  'tensorflow': check_tensorflow,
  'proxy': check_proxy,
  'launchpad': check_launchpad,
  'renderer': check_renderer,
  'threads': check_threads,
  'video': check_video,
  'cores': check_cores,
  'memory': check_memory,
  'shm': check_shared_memory,
  'disk': check_disk,
  'locks': check_locks,
}
