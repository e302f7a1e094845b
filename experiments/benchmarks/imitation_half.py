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
"""What a second of an imitation half goes into, from pixels on this machine.

  python -m experiments.benchmarks.imitation_half --half_preset=pixels

It acts and learns as a run does, first with the learner in the thread that acts,
then beside it, and prints updates and steps a second of both with their ratio,
and what the thread that acts spends its time on. Rendering is what a step of the
environment takes beyond one without images.
"""

import dataclasses
import tempfile
import time
from typing import Mapping, NamedTuple

from absl import app
from absl import flags
import acme
import dm_env
import numpy as np
import tensorflow as tf

from experiments import renderer

with renderer.required():
  from acme_metamimic import agent as agent_lib
  from experiments import command_line
  from experiments import experiment as experiment_lib
  from experiments import presets
  from experiments.datasets import run_dataset
  from experiments.domains import block_stacking
  from experiments.domains import domain as domain_lib

_PRESET = flags.DEFINE_enum(
  'half_preset', 'pixels', ['pixels', 'features'], 'Preset that is measured.'
)
_SECONDS = flags.DEFINE_float(
  'seconds', 60.0, 'Seconds of each measurement.', lower_bound=1.0
)
_THREADS = flags.DEFINE_integer(
  'operation_threads',
  None,
  'Threads of an operation; as in the preset by default.',
)

_STEPS_WITHOUT_IMAGES = 300


class Measurement(NamedTuple):
  """What a half did.

  Attributes:
    updates: number of updates a second.
    steps: number of environment steps a second.
    milliseconds: milliseconds a step by what they were spent on.
  """

  updates: float
  steps: float
  milliseconds: Mapping[str, float]


def measure(
  agent: agent_lib.MetaMimic,
  environment: dm_env.Environment,
  seconds: float,
  updates_per_observation: float,
) -> Measurement:
  """Acts and learns for some time, once the learner has begun.

  Args:
    agent: agent whose imitation half acts.
    environment: environment of that half.
    seconds: seconds to measure.
    updates_per_observation: number of updates for each step.
  """
  spent = dict.fromkeys(('act', 'environment', 'record', 'learn or wait'), 0.0)
  timestep = environment.reset()
  agent.imitation.observe_first(timestep)
  steps, began = 0, 0.0
  warm_up = 2 * 1000  # Twice what the table holds before its learner begins.
  for count in range(10**9):
    if count == warm_up:
      steps, began = 0, time.perf_counter()
      spent = dict.fromkeys(spent, 0.0)
    if began and time.perf_counter() - began > seconds:
      break
    ticks = [time.perf_counter()]
    action = agent.imitation.select_action(timestep.observation)
    ticks.append(time.perf_counter())
    timestep = environment.step(action)
    ticks.append(time.perf_counter())
    if timestep.first():
      agent.imitation.observe_first(timestep)
      continue
    agent.imitation.observe(action, timestep)
    ticks.append(time.perf_counter())
    agent.imitation.update()
    ticks.append(time.perf_counter())
    steps += 1
    for name, duration in zip(spent, np.diff(ticks)):
      spent[name] += duration
  total = time.perf_counter() - began
  return Measurement(
    updates=steps * updates_per_observation / total,
    steps=steps / total,
    milliseconds={name: 1e3 * value / steps for name, value in spent.items()},
  )


def physics_milliseconds(experiment: experiment_lib.Experiment) -> float:
  """Returns what a step of the environment takes without images.

  Args:
    experiment: experiment that is measured.
  """
  domain = experiment.domain
  assert isinstance(domain, block_stacking.BlockStacking)
  environment = domain.load(('body', 'blocks'), seed=0)
  environment.reset()
  action = np.zeros(environment.action_spec().shape, np.float32)
  began = time.perf_counter()
  for _ in range(_STEPS_WITHOUT_IMAGES):
    environment.step(action)
  duration = time.perf_counter() - began
  environment.close()
  return 1e3 * duration / _STEPS_WITHOUT_IMAGES


def main(argv: list[str]) -> None:
  """Prints the measurements."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')
  command_line.quiet()
  base = presets.make(_PRESET.value)
  # As a run has it.
  tf.config.threading.set_intra_op_parallelism_threads(
    _THREADS.value or base.threads_per_operation
  )
  base = dataclasses.replace(
    base,
    demonstrations=dataclasses.replace(
      base.demonstrations, num_train=4, num_validation=2
    ),
  )
  dataset = run_dataset.prepare(base, tempfile.mkdtemp())
  physics = physics_milliseconds(base)
  measured = []
  for beside in (False, True):
    experiment = dataclasses.replace(base, learns_beside_acting=beside)
    environment = experiment.domain.make_imitation_environment(
      dataset, domain_lib.ACTOR, seed=0
    )
    with experiment.make_agent(
      acme.make_environment_spec(environment), dataset
    ) as agent:
      measured.append(
        measure(
          agent,
          environment,
          _SECONDS.value,
          experiment.imitation.updates_per_observation,
        )
      )
    environment.close()
    _print('beside acting' if beside else 'in turns', measured[-1], physics)
  ratio = measured[1].updates / measured[0].updates
  print(f'The learner beside acting: {ratio:.2f} times the updates.')


def _print(name: str, measured: Measurement, physics: float) -> None:
  split = dict(measured.milliseconds)
  step = split.pop('environment')
  split = {'physics': physics, 'render': max(0.0, step - physics), **split}
  print(
    f'{name}: {measured.updates:.1f} updates/s, {measured.steps:.1f} steps/s; '
    'ms a step: '
    + ', '.join(f'{key} {value:.1f}' for key, value in split.items()),
    flush=True,
  )


if __name__ == '__main__':
  app.run(main)
