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

"""Updates per second of our D4PG learner and of Acme's.

  python -m experiments.benchmarks.learner --batch_sizes=64,256
  python -m experiments.benchmarks.learner --form=paper --batch_sizes=4 \
    --updates_per_step=1 --rounds=3 --seconds=10 --threads=0

Both learners have the same networks, start from the same weights and see the
same batches, held in memory, without replay and environment. They take turns in
short rounds, so that other work of the machine slows both alike; the ratio is the
median over the rounds. Before that, their losses are checked to be the same. The
environment variable TF_ENABLE_ONEDNN_OPTS switches oneDNN.
"""

import copy
import time
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

from absl import app
from absl import flags
import acme
from acme import specs
from acme import types
from acme.agents.tf import d4pg
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.utils import loggers
import numpy as np
import reverb
import tensorflow as tf
import tree

import acme_metamimic
from acme_metamimic.tf import placement
from environments.block_stacking import features
from experiments import environment_spec as environment_spec_lib
from experiments import pixel_forms

_FEATURES = 'features'

_BATCH_SIZES = flags.DEFINE_list(
  'batch_sizes', ['64', '256'], 'Batch sizes to measure, one after another.'
)
_LAYER_SIZES = flags.DEFINE_list(
  'layer_sizes',
  ['256', '256'],
  'Sizes of the hidden layers of policy and critic.',
)
_FORM = flags.DEFINE_enum(
  'form',
  _FEATURES,
  [_FEATURES, *pixel_forms.FORMS],
  "Name of the networks in experiments.pixel_forms, or 'features'.",
)
_NUM_ATOMS = flags.DEFINE_integer(
  'num_atoms', 101, "Number of atoms of the critic's distribution."
)
_UPDATES_PER_STEP = flags.DEFINE_integer(
  'updates_per_step', 10, 'Number of updates in a call of our learner.'
)
_THREADS = flags.DEFINE_integer(
  'threads',
  # As in the main job, where two learners share two cores.
  1,
  'Number of threads of one operation, of either learner; 0 for one per core.',
)
_ROUNDS = flags.DEFINE_integer(
  'rounds', 7, 'Number of rounds, in each of which each learner has one turn.'
)
_SECONDS = flags.DEFINE_float('seconds', 1.0, 'Seconds of a turn.')

# Batches held in memory, and updates over which the losses are compared.
_NUM_BATCHES = 20

# Relative difference of the mean losses that rounding may make.
_LOSS_TOLERANCE = 1e-3

# Sizes of the environment's features.
_FRAME = {
  key: max(part.stop for part in layout.values())
  for key, layout in (
    ('blocks', features.BLOCKS_LAYOUT),
    ('body', features.BODY_LAYOUT),
  )
}


class Result(NamedTuple):
  """The measurements at one batch size.

  Attributes:
    batch_size: number of transitions in a batch.
    acmes: updates per second of Acme's learner, median over the rounds.
    ours: updates per second of our learner, median over the rounds.
    ratio: ratio of our updates per second to Acme's, median over the rounds.
    loss_difference: largest relative difference of the mean losses.
  """

  batch_size: int
  acmes: float
  ours: float
  ratio: float
  loss_difference: float


class LossLogger(loggers.Logger):
  """Keeps the losses of each call."""

  def __init__(self) -> None:
    self.losses: List[Tuple[float, float]] = []

  def write(self, data: loggers.LoggingData) -> None:
    self.losses.append((float(data['critic_loss']), float(data['policy_loss'])))

  def close(self) -> None:
    pass


def make_environment_spec() -> specs.EnvironmentSpec:
  """Returns the spec of the block stacking environment with features."""
  return environment_spec_lib.make_environment_spec(
    {key: specs.Array((size,), np.float32) for key, size in _FRAME.items()}
  )


def make_networks(
  form: str,
  layer_sizes: Sequence[int],
  num_atoms: int,
  compute_dtype: str = 'float32',
) -> Tuple[specs.EnvironmentSpec, acme_d4pg.D4PGNetworks]:
  """Returns an environment's spec and initialised networks for it.

  Args:
    form: name of the networks in `pixel_forms`, or 'features'.
    layer_sizes: sizes of the hidden layers of policy and critic.
    num_atoms: number of atoms of the critic's distribution.
    compute_dtype: type that a torso's convolutions multiply, by name.
  """
  arguments: Dict[str, Any] = {
    'policy_layer_sizes': layer_sizes,
    'critic_layer_sizes': layer_sizes,
    'num_atoms': num_atoms,
  }
  if form == _FEATURES:
    spec = make_environment_spec()
    arguments['goal_difference_scale'] = {
      key: np.ones(size) for key, size in _FRAME.items()
    }
  else:
    spec = pixel_forms.make_environment_spec(pixel_forms.FORMS[form].image_size)
    arguments['torso'] = pixel_forms.make_torso(form, compute_dtype)
  networks = acme_metamimic.make_imitation_networks(spec, **arguments)
  networks.init(spec)
  return spec, networks


def make_iterator(
  environment_spec: specs.EnvironmentSpec,
  batch_size: int,
  num_batches: int = _NUM_BATCHES,
) -> Iterator[reverb.ReplaySample]:
  """Returns an endless iterator over random batches, the same at each call.

  Args:
    environment_spec: spec of an imitation environment.
    batch_size: number of transitions in a batch.
    num_batches: number of batches, which come again and again.
  """
  random_state = np.random.RandomState(0)
  num_items = batch_size * num_batches

  def sample(spec: specs.Array) -> np.ndarray:
    shape = (num_items, *spec.shape)
    if spec.dtype == np.uint8:
      return random_state.randint(256, size=shape, dtype=np.uint8)
    return random_state.randn(*shape).astype(np.float32)

  def observations() -> types.NestedArray:
    return tree.map_structure(sample, environment_spec.observations)

  data = types.Transition(
    observation=observations(),
    action=np.float32(
      random_state.uniform(-1, 1, (num_items, environment_spec_lib.NUM_ACTIONS))
    ),
    reward=np.float32(random_state.uniform(0, 1, num_items)),
    discount=np.ones(num_items, np.float32),
    next_observation=observations(),
  )
  info = reverb.SampleInfo(
    key=np.arange(num_items, dtype=np.uint64),
    probability=np.full(num_items, 1.0 / num_items),
    table_size=np.full(num_items, num_items, np.int64),
    priority=np.ones(num_items),
  )
  dataset = tf.data.Dataset.from_tensor_slices(reverb.ReplaySample(info, data))
  batches = dataset.batch(batch_size).cache().repeat()
  return iter(placement.prefetch(batches))


def make_learner_arguments(
  networks: acme_d4pg.D4PGNetworks,
  environment_spec: specs.EnvironmentSpec,
  batch_size: int,
  num_batches: int = _NUM_BATCHES,
) -> Dict[str, Any]:
  """Returns arguments for either learner: copies of the networks, and data.

  Args:
    networks: initialised networks.
    environment_spec: spec of the environment that they fit.
    batch_size: number of transitions in a batch.
    num_batches: number of batches, which come again and again.
  """
  online, target = copy.deepcopy(networks), copy.deepcopy(networks)
  return {
    'policy_network': online.policy_network,
    'critic_network': online.critic_network,
    'observation_network': online.observation_network,
    'target_policy_network': target.policy_network,
    'target_critic_network': target.critic_network,
    'target_observation_network': target.observation_network,
    'discount': 0.99,
    'target_update_period': 100,
    'dataset_iterator': make_iterator(
      environment_spec, batch_size, num_batches
    ),
  }


def measure_updates(
  learner: acme.Learner, updates: int, seconds: float
) -> float:
  """Returns the updates per second of a learner that was called before.

  Args:
    learner: learner to measure.
    updates: number of updates in a call of the learner.
    seconds: seconds to measure; at least one call is measured.
  """
  num_updates = 0
  start = time.perf_counter()
  while True:
    learner.step()
    num_updates += updates
    elapsed = time.perf_counter() - start
    if elapsed >= seconds:
      return num_updates / elapsed


def compare(
  batch_size: int,
  *,
  form: str = _FEATURES,
  layer_sizes: Sequence[int] = (256, 256),
  num_atoms: int = 101,
  updates_per_step: int = 10,
  rounds: int = 7,
  seconds: float = 1.0,
) -> Result:
  """Measures both learners at one batch size.

  Args:
    batch_size: number of transitions in a batch.
    form: name of the networks in `pixel_forms`, or 'features'.
    layer_sizes: sizes of the hidden layers of policy and critic.
    num_atoms: number of atoms of the critic's distribution.
    updates_per_step: number of updates in a call of our learner; a divisor of 20.
    rounds: number of turns of each learner.
    seconds: seconds of a turn.
  """
  spec, networks = make_networks(form, layer_sizes, num_atoms)
  acmes_logger, our_logger = LossLogger(), LossLogger()
  acmes = d4pg.D4PGLearner(
    **make_learner_arguments(networks, spec, batch_size),
    logger=acmes_logger,
    checkpoint=False,
  )
  ours = acme_metamimic.D4PGLearner(
    **make_learner_arguments(networks, spec, batch_size),
    logger=our_logger,
    updates_per_step=updates_per_step,
  )
  # These calls trace both learners, too.
  for _ in range(_NUM_BATCHES):
    acmes.step()
  for _ in range(_NUM_BATCHES // updates_per_step):
    ours.step()
  difference = loss_difference(acmes_logger.losses, our_logger.losses)
  rates = [
    (
      measure_updates(acmes, 1, seconds),
      measure_updates(ours, updates_per_step, seconds),
    )
    for _ in range(rounds)
  ]
  acmes_rates, our_rates = np.transpose(rates)
  return Result(
    batch_size=batch_size,
    acmes=np.median(acmes_rates),
    ours=np.median(our_rates),
    ratio=np.median(our_rates / acmes_rates),
    loss_difference=difference,
  )


def loss_difference(
  expected: Sequence[Tuple[float, float]], actual: Sequence[Tuple[float, float]]
) -> float:
  """Returns the largest relative difference of the mean losses.

  Args:
    expected: critic and policy loss of each update.
    actual: the same, of another learner.
  """
  mean = np.mean(expected, axis=0)
  return np.max(np.abs(np.mean(actual, axis=0) - mean) / mean)


def main(argv: Sequence[str]) -> None:
  """Prints a line for each batch size.

  Args:
    argv: arguments of the command line that are no flags.

  Raises:
    app.UsageError: if an argument does not fit.
    AssertionError: if the losses differ.
  """
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments {argv[1:]}: see --help.')
  if _UPDATES_PER_STEP.value < 1 or _NUM_BATCHES % _UPDATES_PER_STEP.value:
    raise app.UsageError(
      f'--updates_per_step={_UPDATES_PER_STEP.value} must divide the '
      f'{_NUM_BATCHES} updates whose losses are compared: use 1, 2, 4, 5, 10 or '
      '20.'
    )
  # Acme's nested tape warns that it is slow, which is what is measured.
  tf.get_logger().setLevel('ERROR')
  tf.config.threading.set_intra_op_parallelism_threads(_THREADS.value)
  print(
    'batch size | Acme updates/s | ours updates/s | ratio | losses differ by'
  )
  for batch_size in _BATCH_SIZES.value:
    result = compare(
      int(batch_size),
      form=_FORM.value,
      layer_sizes=[int(size) for size in _LAYER_SIZES.value],
      num_atoms=_NUM_ATOMS.value,
      updates_per_step=_UPDATES_PER_STEP.value,
      rounds=_ROUNDS.value,
      seconds=_SECONDS.value,
    )
    print(
      f'{result.batch_size:10d} | {result.acmes:14.1f} | {result.ours:14.1f} | '
      f'{result.ratio:5.2f} | {result.loss_difference:.1e}',
      flush=True,
    )
    assert result.loss_difference < _LOSS_TOLERANCE, (
      f'The mean losses of both learners differ by {result.loss_difference}, '
      f'more than rounding makes ({_LOSS_TOLERANCE}).'
    )


if __name__ == '__main__':
  app.run(main)
