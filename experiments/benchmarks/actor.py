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

"""CPU time and lost memory of an action, of our actor and of Acme's.

  python -m experiments.benchmarks.actor

Both actors have the same policy, of the demo's size and with its noise. They take
turns, so that other work of the machine slows both alike.
"""

import gc
import time
from typing import Callable, NamedTuple

from absl import app
from absl import flags
from acme import types
from acme.agents.tf import actors as acme_actors
import numpy as np
import psutil
import tensorflow as tf
import tree

from acme_metamimic.tf import actors
from experiments.benchmarks import learner

_FORM = flags.DEFINE_string(
  'policy_form',
  'features',
  "Name of the networks in experiments.pixel_forms, or 'features'.",
)
_SIZES = flags.DEFINE_multi_integer(
  'policy_layers',
  [256, 256],
  'Sizes of the hidden layers of the policy; by default those of the demo.',
)
_CALLS = flags.DEFINE_integer(
  'actions', 20000, 'Number of actions in a turn.', lower_bound=1
)
_TURNS = flags.DEFINE_integer(
  'turns', 3, 'Number of turns of each actor.', lower_bound=1
)

_NOISE = 0.3
# Share of a turn that comes before the first, while allocators find their size.
_WARM_UP = 0.2


class Cost(NamedTuple):
  """What an action costs.

  Attributes:
    milliseconds: milliseconds of CPU time, median over the turns.
    bytes: bytes by which the process grows, mean over the turns.
  """

  milliseconds: float
  bytes: float


def compare(
  form: str, layer_sizes: list[int], calls: int, turns: int
) -> tuple[Cost, Cost]:
  """Returns the costs of Acme's actor and of ours.

  Args:
    form: name of the networks in `pixel_forms`, or 'features'.
    layer_sizes: sizes of the hidden layers of the policy.
    calls: number of actions in a turn.
    turns: number of turns of each actor.
  """
  spec, networks = learner.make_networks(form, layer_sizes, num_atoms=11)
  policy = networks.make_policy(spec, sigma=_NOISE)
  observation = tree.map_structure(
    lambda s: np.zeros(s.shape, s.dtype), spec.observations
  )
  acting = [
    acme_actors.FeedForwardActor(policy).select_action,
    actors.FeedForwardActor(policy).select_action,
  ]
  for act in acting:
    _take_turn(act, observation, max(1, int(_WARM_UP * calls)))
  costs = [
    [_take_turn(act, observation, calls) for act in acting]
    for _ in range(turns)
  ]
  acmes, ours = (
    Cost(
      float(np.median([cost.milliseconds for cost in side])),
      float(np.mean([cost.bytes for cost in side])),
    )
    for side in zip(*costs)
  )
  return acmes, ours


def _take_turn(
  act: Callable[[types.NestedArray], types.NestedArray],
  observation: types.NestedArray,
  calls: int,
) -> Cost:
  before, started = _resident(), time.process_time()
  for _ in range(calls):
    act(observation)
  seconds = time.process_time() - started
  return Cost(1e3 * seconds / calls, (_resident() - before) / calls)


def _resident() -> int:
  gc.collect()
  return psutil.Process().memory_info().rss


def main(argv: list[str]) -> None:
  """Measures and prints the table."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')
  # As in the process of an actor.
  tf.config.threading.set_intra_op_parallelism_threads(1)
  tf.config.threading.set_inter_op_parallelism_threads(1)
  acmes, ours = compare(_FORM.value, _SIZES.value, _CALLS.value, _TURNS.value)
  print('| actor | ms CPU an action | bytes lost an action |')
  print('|-|-|-|')
  print(f"| Acme's | {acmes.milliseconds:.3f} | {acmes.bytes:.0f} |")
  print(f'| ours | {ours.milliseconds:.3f} | {ours.bytes:.0f} |')
  ratio = acmes.milliseconds / ours.milliseconds
  print(f'\nOurs is {ratio:.2f} times as fast.')


if __name__ == '__main__':
  app.run(main)
