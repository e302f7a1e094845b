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
"""Tests of what threads may do with an environment that draws."""

import gc
import subprocess
import sys
import threading
from typing import Any, Callable
import weakref

from dm_control import mjcf
import numpy as np
import pytest

from environments import block_stacking

_ACTION = np.zeros(9)


def _in_thread(function: Callable[[], Any]) -> Any:
  """Returns what a function returns in a thread of its own; raises its error."""
  returned: list[Any] = []
  errors: list[BaseException] = []

  def run() -> None:
    try:
      returned.append(function())
    except BaseException as error:  # Handed to the test.
      errors.append(error)

  thread = threading.Thread(target=run)
  thread.start()
  thread.join()
  if errors:
    raise errors[0]
  return returned[0]


@pytest.fixture
def environment():
  loaded = block_stacking.load(('image',), seed=0, image_size=(16, 16))
  yield loaded
  loaded.close()


def test_another_thread_can_draw(environment):
  first = _in_thread(environment.reset).observation['image']
  assert first.std() > 1.0
  second = _in_thread(lambda: environment.step(_ACTION)).observation['image']
  third = environment.step(_ACTION).observation['image']
  assert second.std() > 1.0
  assert third.std() > 1.0


def test_threads_draw_what_one_thread_draws(environment):
  state = environment.get_state()
  expected = environment.reset_to(state).observation['image']
  again = _in_thread(lambda: environment.reset_to(state)).observation['image']
  np.testing.assert_array_equal(again, expected)


def test_kept_cameras_draw_what_new_ones_draw(environment):
  environment.reset()
  called = []
  options: list[dict[str, Any]] = [
    {'height': 16, 'width': 16, 'camera_id': 'front'},
    {'height': 24, 'width': 8, 'camera_id': 0},
    {'height': 16, 'width': 16, 'camera_id': 0, 'depth': True},
    {
      'height': 16,
      'width': 16,
      'camera_id': 0,
      'scene_callback': lambda physics, scene: called.append(scene),
    },
  ]
  pictures = []
  for _ in range(3):
    environment.step(np.ones(9))
    for each in options:
      picture = environment.physics.render(**each)
      expected = mjcf.Physics.render(environment.physics, **each)
      np.testing.assert_array_equal(picture, expected)
      pictures.append((picture, expected))
  # None was drawn over by a later one.
  for picture, expected in pictures:
    np.testing.assert_array_equal(picture, expected)
  assert np.any(pictures[0][0] != pictures[-4][0])
  assert len(called) == 6


def test_cameras_do_not_keep_an_environment():
  made = block_stacking.load(('image',), image_size=(16, 16))
  made.reset()
  alive = weakref.ref(made)
  physics = weakref.ref(made._physics)
  made.close()
  del made
  gc.collect()
  assert alive() is None
  assert physics() is None


def test_environment_of_another_thread_can_be_closed():
  made = _in_thread(
    lambda: block_stacking.load(('image',), image_size=(16, 16))
  )
  _in_thread(made.reset)
  made.close()


def test_environment_in_garbage_is_collected():
  """Python drops its weak references before it frees what is in a cycle."""
  made = block_stacking.load(('image',), image_size=(16, 16))
  made.reset()
  alive = weakref.ref(made)
  cycle: list[Any] = [made]
  cycle.append(cycle)
  gc.disable()
  try:
    del made, cycle
    # A daemon, as it would wait for ever.
    collector = threading.Thread(target=gc.collect, daemon=True)
    collector.start()
    collector.join(30.0)
    assert not collector.is_alive()
  finally:
    gc.enable()
  assert alive() is None


@pytest.mark.slow
def test_nothing_is_said_of_an_environment_that_is_open_at_the_end():
  code = (
    'import experiments\n'
    'from environments import block_stacking\n'
    "environment = block_stacking.load(('image',), image_size=(16, 16))\n"
    'environment.reset()\n'
  )
  done = subprocess.run(
    [sys.executable, '-W', 'ignore', '-c', code],
    capture_output=True,
    text=True,
    timeout=120.0,
  )
  assert done.returncode == 0, done.stderr
  assert 'Exception' not in done.stderr
