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

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

# In a process of its own: Ray puts its own psutil on the path.
_CHOOSE = """
from experiments.launchpad_ray import placement
from tests.experiments.distributed import fake_program
import acme_metamimic

program = fake_program.make_program(
  config=acme_metamimic.MetaMimicConfig(
    num_imitation_actors=4, num_task_actors=4
  ),
  program_config=acme_metamimic.ProgramConfig(
    num_caches=2, num_replay_shards=2
  ),
)

def placed(group):
  return [
    placement.Placed(f'{group}/{i}', node, placement.Resources(), None)
    for i, node in enumerate(program.groups[group])
  ]

def choices(group, *others):
  candidates = [p for other in others for p in placed(other)]
  return [
    placement.choose_neighbour(node, i, candidates).name
    for i, node in enumerate(program.groups[group])
  ]

print(choices('imitation_actor', 'cacher'))
print(choices('task_actor', 'cacher'))
print(choices('replay', 'imitation_learner', 'task_learner'))
"""


def test_actors_go_beside_their_own_caches_and_shards_beside_learners():
  said = subprocess.run(
    [sys.executable, '-W', 'ignore', '-c', _CHOOSE],
    capture_output=True,
    text=True,
    check=True,
  ).stdout.splitlines()
  # Caches of the imitation half come first.
  assert said == [
    "['cacher/0', 'cacher/1', 'cacher/0', 'cacher/1']",
    "['cacher/2', 'cacher/3', 'cacher/2', 'cacher/3']",
    "['imitation_learner/0', 'task_learner/0']",
  ]


_SHARED = """
import threading
import ray
from experiments.launchpad_ray import placement

class Call:
  def __init__(self, result):
    self.remote = lambda *args: result(*args)

class Keeper:
  def __init__(self, sees):
    self.sees, self.host = Call(sees), Call(lambda: '10.0.0.2')

def placed(name, sees):
  return placement.Placed(name, None, placement.Resources(), Keeper(sees), name)

ray.get = lambda value, timeout: value
everyone = placement.Placement(
  None, output_folder='', code=None, seconds=1.0, grace_seconds=1.0,
  stopping=threading.Event(),
)
import os
everyone.groups['a'] = [placed('a/0', os.path.exists)]
everyone.check_shared({folder!r})
everyone.groups['b'] = [placed('b/0', lambda path: False)]
try:
  everyone.check_shared({folder!r})
except placement.PlacementError as error:
  print(error, os.listdir({folder!r}))
"""


def test_a_host_with_another_folder_is_named(tmp_path):
  folder = str(tmp_path / 'run')
  said = subprocess.run(
    [sys.executable, '-W', 'ignore', '-c', _SHARED.format(folder=folder)],
    capture_output=True,
    text=True,
    check=True,
  ).stdout.strip()
  assert said == (
    f"the host 10.0.0.2 of 'b/0' does not see the folder {folder!r} of this "
    'host: give one that all hosts share. []'
  )
