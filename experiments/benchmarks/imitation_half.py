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
and what the thread that acts spends its time on.
"""

import dataclasses
import tempfile
import time
from typing import Callable, Mapping, NamedTuple

from absl import app
from absl import flags
import acme
from acme.utils import loggers
import dm_env
import tensorflow as tf

from experiments import renderer

with renderer.required():
  from acme_metamimic import agent as agent_lib
  from experiments import command_line
  from experiments import presets
  from experiments import timing
  from experiments.datasets import run_dataset
  from experiments.domains import domain as domain_lib

_PRESET = flags.DEFINE_enum(
  'half_preset',
  'pixels',
  ['pixels', 'features'],
  'Preset that is measured.',
)
_SECONDS = flags.DEFINE_float(
  'seconds', 60.0, 'Seconds of each measurement.', lower_bound=1.0
)
_THREADS = flags.DEFINE_integer(
  'operation_threads',
  None,
  'Threads of an operation; as in the preset by default.',
)

# Twice what the table holds before its learner begins.
_WARM_UP_STEPS = 2000


class Measurement(NamedTuple):
  """What a half did.

  Attributes:
    updates: number of updates a second.
    steps: number of environment steps a second.
    seconds: seconds of the thread that acts by `timing.PARTS`.
  """

  updates: float
  steps: float
  seconds: Mapping[str, float]


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
    seconds: seconds to measure, and what is left of an episode then.
    updates_per_observation: number of updates for each step.
  """
  stopwatch = timing.Stopwatch()
  loop = acme.EnvironmentLoop(
    timing.TimedEnvironment(environment, stopwatch),
    timing.TimedActor(agent.imitation, stopwatch),
    logger=loggers.NoOpLogger(),
  )
  _run(loop, lambda steps: steps >= _WARM_UP_STEPS)
  before, began = stopwatch.seconds, time.perf_counter()
  steps = _run(loop, lambda _: time.perf_counter() - began >= seconds)
  total = time.perf_counter() - began
  spent = {
    part: value - before[part] for part, value in stopwatch.seconds.items()
  }
  return Measurement(
    steps * updates_per_observation / total, steps / total, spent
  )


def _run(loop: acme.EnvironmentLoop, is_done: Callable[[int], bool]) -> int:
  """Runs episodes until a number of steps is enough; returns the number."""
  steps = 0
  while not is_done(steps):
    steps += loop.run_episode()['episode_length']
  return steps


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
    _print('beside acting' if beside else 'in turns', measured[-1])
  ratio = measured[1].updates / measured[0].updates
  print(f'The learner beside acting: {ratio:.2f} times the updates.')


def _print(name: str, measured: Measurement) -> None:
  print(
    f'{name}: {measured.updates:.1f} updates/s, {measured.steps:.1f} steps/s; '
    f'{timing.describe(measured.seconds)}',
    flush=True,
  )


if __name__ == '__main__':
  app.run(main)
