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

"""Speed of our environment and of dm_control's own stacking tasks.

  python -m experiments.benchmarks.environment

Prints the control steps per second of `stack_2_bricks_vision` (at 128 x 128) and
`stack_2_bricks_features` as shipped, of our task with the same kind of
observation, and their ratio. Then it prints how much of our step is physics,
rendering and Python, and how long the start of an episode takes.
"""

import time

from absl import app
from absl import flags
from dm_control import manipulation
from dm_control.manipulation.shared import cameras
import dm_env
import numpy as np

from environments import block_stacking
from experiments.benchmarks import timing

FLAGS = flags.FLAGS
flags.DEFINE_float('seconds', 3.0, 'Seconds of each measurement in a round.')
flags.DEFINE_integer(
  'rounds', 3, 'Number of rounds; the medians over the rounds are printed.'
)

_IMAGE_SIZE = 128


def _load_baseline(name: str) -> dm_env.Environment:
  """Returns a task of dm_control, with images of our size."""
  environment = manipulation.load(name, seed=0)
  for key, item in environment.task.observables.items():
    if key.startswith(cameras.FRONT_CLOSE.name):
      item.height = item.width = _IMAGE_SIZE
  return environment


def _step_rate(environment: dm_env.Environment, seconds: float) -> float:
  """Returns control steps per second under random actions, without resets."""
  spec = environment.action_spec()
  random_state = np.random.RandomState(0)
  timestep = environment.reset()
  steps, elapsed = 0, 0.0
  while elapsed < seconds:
    action = random_state.uniform(spec.minimum, spec.maximum, spec.shape)
    if timestep.last():
      timestep = environment.reset()
    started = time.perf_counter()
    timestep = environment.step(action)
    elapsed += time.perf_counter() - started
    steps += 1
  return steps / elapsed


def _split(seconds: float) -> dict[str, float]:
  """Returns the milliseconds of a step with an image, and of its parts."""
  environment = block_stacking.load(('image',), seed=0)
  environment.reset()
  physics, task = environment.physics, environment.task
  actions = np.random.RandomState(0).uniform(-1, 1, (1000, 9))
  counter = iter(range(10**9))
  total = 1e3 / _step_rate(environment, seconds)
  environment.reset()

  def advance() -> None:
    task.before_step(
      physics, actions[next(counter) % 1000], environment.random_state
    )
    physics.step(task.num_physics_steps)

  parts = {
    'physics': timing.milliseconds(advance, seconds),
    'render': timing.milliseconds(
      lambda: physics.render(_IMAGE_SIZE, _IMAGE_SIZE, camera_id='front'),
      seconds,
    ),
  }
  return {
    'step': total,
    **parts,
    'python': max(0.0, total - sum(parts.values())),
  }


def main(argv: list[str]) -> None:
  """Measures in interleaved rounds and prints the ratios."""
  del argv
  seconds = FLAGS.seconds
  pairs = {
    'image, 128 x 128': (
      _load_baseline('stack_2_bricks_vision'),
      block_stacking.load(('image',), seed=0),
    ),
    'features': (
      _load_baseline('stack_2_bricks_features'),
      block_stacking.load(('body', 'blocks'), seed=0),
    ),
  }
  print('steps/s            dm_control      ours     ratio')
  for name, pair in pairs.items():
    rates = np.median(
      [[_step_rate(e, seconds) for e in pair] for _ in range(FLAGS.rounds)],
      axis=0,
    )
    print(
      f'{name:18} {rates[0]:10.1f} {rates[1]:9.1f} {rates[1] / rates[0]:8.1f}x'
    )
  split = _split(seconds)
  print('one step with an image (ms):', end=' ')
  print(', '.join(f'{part} {value:.2f}' for part, value in split.items()))
  environment = block_stacking.load(('body', 'blocks'), seed=0)
  environment.reset()
  state = environment.get_state()
  step = 1e3 / _step_rate(environment, seconds)
  print(
    'start of an episode (ms), features: at a stored state '
    f'{timing.milliseconds(lambda: environment.reset_to(state), seconds):.2f}, '
    f'at random {timing.milliseconds(environment.reset, seconds):.2f}, '
    f'dm_control {timing.milliseconds(pairs["features"][0].reset, seconds):.1f}; '
    f'one step {step:.2f}'
  )


if __name__ == '__main__':
  app.run(main)
