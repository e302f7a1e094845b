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

import errno
import socket
import subprocess
import sys

import courier
import pytest

from experiments.launchpad_ray import supervision

_FULL = OSError(errno.ENOSPC, 'No space left on device')


@pytest.mark.parametrize(
  ('error', 'code'),
  [
    (None, 0),
    (_FULL, supervision.NOT_SAVED),
    (ConnectionResetError('gone'), 0),
    (TimeoutError('late'), 0),
    (RuntimeError('The server has ended.'), 0),
  ],
)
def test_after_a_stop_errors_of_files_alone_count(error, code):
  assert supervision.exit_code(error) == code


@pytest.mark.parametrize(
  ('codes', 'code', 'reason'),
  [
    ({'replay/0': 0, 'actor/0': 0}, 0, 'stopped'),
    ({}, 0, 'stopped'),
    (
      {'learner/0': supervision.NOT_SAVED, 'actor/0': supervision.CUT_OFF},
      1,
      'stopped, but not saved by learner/0',
    ),
    (
      {'replay/1': supervision.CUT_OFF, 'replay/0': -9, 'actor/0': 0},
      0,
      'stopped; not done after 5 s, and so perhaps not saved: replay/0, replay/1',
    ),
  ],
)
def test_a_stop_says_who_has_not_saved(codes, code, reason):
  assert supervision.stopped(codes, 5.0) == supervision.Outcome(code, reason)


def test_a_port_that_is_in_use_is_explained():
  with socket.socket() as taken:
    taken.bind(('', 0))
    taken.listen()
    with pytest.raises(Exception, match='gRPC server') as raised:
      courier.Server(port=taken.getsockname()[1]).Start()
  assert 'in use by another process. Start' in supervision.advice(raised.value)
  assert supervision.advice(ValueError('This is the reason.')) == ''


_CANNOT_SAVE = """
from absl import flags
from launchpad.launch import worker_manager
from experiments.launchpad_ray import supervision

def fail():
  worker_manager.get_worker_manager().stop_event().set()
  raise OSError(28, 'No space left on device')

flags.FLAGS(['node'])
worker_manager.WorkerManager(register_in_thread=True)
supervision.Supervised(fail, 'node')()
"""


@pytest.mark.slow
def test_a_full_disk_does_not_hide_that_a_node_could_not_save():
  # What the node says of it does not fit either.
  with open('/dev/full', 'w') as full:
    done = subprocess.run(
      [sys.executable, '-c', _CANNOT_SAVE],
      stdout=full,
      stderr=full,
      timeout=300.0,
    )
  assert done.returncode == supervision.NOT_SAVED
