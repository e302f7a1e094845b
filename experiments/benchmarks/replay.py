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
"""Bytes and insertions of the dual-stream adder and of two of Acme's.

  python -m experiments.benchmarks.replay

Each of three replay servers has a process of its own. Two of Acme's
`NStepTransitionAdder`s, one for each stream, write to the first; a
`DualStreamAdder` to the second; and one that keeps goals as references to the
third. All get the same steps of rendered frames, and take turns in rounds, so that
other work of the machine slows all alike.

Bytes are the growth of the server's resident memory: they include compression and
Reverb's own book-keeping. Rates are the median over the rounds; a round ends when
the server has confirmed every item.
"""

import gc
import multiprocessing
from multiprocessing import connection
import os
import time
from typing import Any, NamedTuple, Optional, Sequence

from absl import app
from absl import flags
from acme import specs
from acme.adders import reverb as reverb_adders
import dm_env
import numpy as np
import reverb

import acme_metamimic
from acme_metamimic import specs as specs_lib
from acme_metamimic.replay import answers
from acme_metamimic.replay import goals
from acme_metamimic.replay import tables
from environments import block_stacking
from environments.block_stacking import demonstrators
from environments.demonstrations import recording
from experiments import command_line
from experiments import environment_spec as environment_spec_lib

_STEPS = flags.DEFINE_integer(
  'frames', 200, 'Number of steps of an episode, at most.'
)
_ROUNDS = flags.DEFINE_integer(
  'repeats', 7, 'Number of episodes that each server gets.'
)
_N_STEP = flags.DEFINE_integer(
  'n_step', 5, 'Number of steps of the transitions of both streams.'
)

_DISCOUNT = 0.99
_KEYS = ('image', 'body')

ACME, DUAL, REFERENCES = 'two of Acme', 'dual stream', 'with references'

Frames = dict[str, np.ndarray]
Episode = tuple[dm_env.TimeStep, list[tuple[np.ndarray, dm_env.TimeStep]]]


class Result(NamedTuple):
  """The measurements of one server.

  Attributes:
    bytes_per_step: resident memory that a step takes.
    items_per_second: insertions per second into both tables, median over the
      rounds.
    num_items: number of items in both tables.
  """

  bytes_per_step: float
  items_per_second: float
  num_items: int


def record_frames(num_steps: int) -> tuple[Frames, Frames]:
  """Returns frames of an actor, and of a demonstration to follow.

  Args:
    num_steps: number of frames of each, at most.
  """
  environment = block_stacking.load(_KEYS)
  episodes = recording.record(
    environment, demonstrators.STYLES['brisk'], 2, seed=0
  )
  actor, demonstration = (
    {key: np.array(d.observations[key][:num_steps]) for key in _KEYS}
    for d in episodes
  )
  return actor, demonstration


def environment_spec(frames: Frames) -> specs.EnvironmentSpec:
  """Returns the spec of the imitation environment that shows these frames.

  Args:
    frames: frames of an actor, [T, ...] by key.
  """
  return environment_spec_lib.make_environment_spec(
    {k: specs.Array(v.shape[1:], v.dtype, k) for k, v in frames.items()},
    **{specs_lib.GOAL_REFERENCE: goals.REFERENCE_SPEC},
  )


def make_episode(actor: Frames, demonstration: Frames) -> Episode:
  """Returns an episode of the actor's frames that follows the demonstration.

  Args:
    actor: frames of the actor, [T, ...] by key.
    demonstration: frames of the goals, [T, ...] by key.
  """
  random_state = np.random.RandomState(0)
  length = min(len(frames['body']) for frames in (actor, demonstration))
  timesteps = []
  for i in range(length):
    goal = min(i + 1, length - 1)
    observation = {
      **{key: actor[key][i] for key in _KEYS},
      specs_lib.GOAL: {key: demonstration[key][goal] for key in _KEYS},
      specs_lib.GOAL_REFERENCE: np.array((0, goal), np.int32),
    }
    if i == 0:
      first = dm_env.TimeStep(dm_env.StepType.FIRST, None, None, observation)
      continue
    streams = {
      name: np.float32(random_state.uniform()) for name in specs_lib.STREAMS
    }
    action = random_state.uniform(-1, 1, environment_spec_lib.NUM_ACTIONS)
    timestep = dm_env.TimeStep(
      dm_env.StepType.LAST if i == length - 1 else dm_env.StepType.MID,
      streams,
      {name: np.float32(1.0) for name in specs_lib.STREAMS},
      observation,
    )
    timesteps.append((action.astype(np.float32), timestep))
  return first, timesteps


class _TwoAdders:
  """Two of Acme's adders, one for each stream."""

  def __init__(self, client: reverb.Client, n_step: int):
    self._adders = {
      name: reverb_adders.NStepTransitionAdder(
        client, n_step, _DISCOUNT, priority_fns={name: None}
      )
      for name in specs_lib.STREAMS
    }

  def add_first(self, timestep: dm_env.TimeStep) -> None:
    for name, adder in self._adders.items():
      adder.add_first(_stream(timestep, name))

  def add(self, action: np.ndarray, timestep: dm_env.TimeStep) -> None:
    for name, adder in self._adders.items():
      adder.add(action, _stream(timestep, name))


def _stream(timestep: dm_env.TimeStep, name: str) -> dm_env.TimeStep:
  """Returns the timestep that an adder of one stream is given."""
  hidden = [specs_lib.GOAL_REFERENCE]
  if name == 'task':
    hidden.append(specs_lib.GOAL)
  timestep = timestep._replace(
    observation=specs_lib.without(timestep.observation, *hidden)
  )
  if timestep.first():
    return timestep
  return timestep._replace(
    reward=timestep.reward[name], discount=timestep.discount[name]
  )


def _serve(
  side: str, spec: specs.EnvironmentSpec, pipe: connection.Connection
) -> None:
  """Serves both tables; answers `True` with this process's resident bytes."""
  command_line.quiet()
  imitation = specs_lib.imitation_spec(spec)
  if side == REFERENCES:
    imitation = imitation._replace(
      observations={
        **imitation.observations,
        specs_lib.GOAL: goals.REFERENCE_SPEC,
      }
    )
  signature = reverb_adders.NStepTransitionAdder.signature
  server = reverb.Server(
    [
      tables.make_table(
        signature(imitation), name='imitation', priority_exponent=0.6
      ),
      tables.make_table(signature(specs_lib.task_spec(spec)), name='task'),
    ]
  )
  pipe.send(server.port)
  while pipe.recv():
    gc.collect()
    with open('/proc/self/statm') as file:
      resident = int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    pipe.send(resident)
  server.stop()


class _Side:
  """A server in a process of its own, and the adder that feeds it."""

  def __init__(self, side: str, spec: specs.EnvironmentSpec, n_step: int):
    context = multiprocessing.get_context('spawn')
    self._pipe, far_end = context.Pipe()
    self._process = context.Process(
      target=_serve, args=(side, spec, far_end), daemon=True
    )
    self._process.start()
    # Reading from the pipe then fails if the process has died.
    far_end.close()
    self.client = reverb.Client(f'localhost:{self._pipe.recv()}')
    self._adder: Any
    if side == ACME:
      self._adder = _TwoAdders(self.client, n_step)
    else:
      self._adder = acme_metamimic.DualStreamAdder(
        self.client,
        imitation_n_step=n_step,
        imitation_discount=_DISCOUNT,
        task_n_step=n_step,
        task_discount=_DISCOUNT,
        goal_references=side == REFERENCES,
      )
    self.rates: list[float] = []

  @property
  def resident(self) -> int:
    self._pipe.send(True)
    return self._pipe.recv()

  @property
  def num_items(self) -> int:
    info = answers.table_infos(self.client)
    return sum(info[name].current_size for name in specs_lib.STREAMS)

  def add(self, episode: Episode) -> None:
    before = self.num_items
    start = time.perf_counter()
    first, steps = episode
    self._adder.add_first(first)
    for action, timestep in steps:
      self._adder.add(action, timestep)
    # The adders end an episode by waiting for all of its items.
    seconds = time.perf_counter() - start
    self.rates.append((self.num_items - before) / seconds)

  def stop(self) -> None:
    self._pipe.send(False)
    self._process.join(10.0)
    self._process.kill()


def compare(
  actor: Frames, demonstration: Frames, *, n_step: int = 5, rounds: int = 7
) -> dict[str, Result]:
  """Measures all servers.

  Args:
    actor: frames of the actor, [T, ...] by key.
    demonstration: frames of the goals, [T, ...] by key.
    n_step: number of steps of the transitions of both streams.
    rounds: number of episodes that each server gets, after one that is not
      measured.

  Returns:
    The measurements, by the names of the adders.
  """
  episode = make_episode(actor, demonstration)
  spec = environment_spec(actor)
  sides = {name: _Side(name, spec, n_step) for name in (ACME, DUAL, REFERENCES)}
  for side in sides.values():
    side.add(episode)
    side.rates.clear()
  before = {name: side.resident for name, side in sides.items()}
  for _ in range(rounds):
    for side in sides.values():
      side.add(episode)
  num_steps = rounds * len(episode[1])
  results = {
    name: Result(
      (side.resident - before[name]) / num_steps,
      float(np.median(side.rates)),
      side.num_items,
    )
    for name, side in sides.items()
  }
  for side in sides.values():
    side.stop()
  return results


def ratios(results: dict[str, Result], side: str) -> tuple[float, float]:
  """Returns the ratios of bytes and insertions to those of Acme's adders.

  Args:
    results: measurements of `compare`.
    side: name of the adder to compare.
  """
  return (
    results[side].bytes_per_step / results[ACME].bytes_per_step,
    results[side].items_per_second / results[ACME].items_per_second,
  )


def main(argv: Sequence[str], results: Optional[dict] = None) -> None:
  """Prints a line for each server.

  Args:
    argv: arguments of the command line that are no flags.
    results: measurements of `compare`, which is called by default.

  Raises:
    app.UsageError: if an argument does not fit.
  """
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments {argv[1:]}: see --help.')
  command_line.quiet()
  results = results or compare(
    *record_frames(_STEPS.value), n_step=_N_STEP.value, rounds=_ROUNDS.value
  )
  print('adders          | bytes/step | ratio | items/s | ratio')
  for name, result in results.items():
    of_bytes, of_rates = ratios(results, name)
    print(
      f'{name:15} | {result.bytes_per_step:10.0f} | {of_bytes:5.2f} | '
      f'{result.items_per_second:7.0f} | {of_rates:5.2f}'
    )


if __name__ == '__main__':
  app.run(main)
