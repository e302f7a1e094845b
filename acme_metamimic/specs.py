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

"""What MetaMimic asks of an environment's specs, and each half's view of them."""

from collections import abc
from typing import Any, Mapping

from acme import specs
from acme import types
import numpy as np
import tree

# The contract with an environment; `environments.imitation` has the same keys.
GOAL = 'goal'
# Where the goal is found in the demonstrations: int32 (demonstration, step). An
# environment may show it beside the goal, for a replay that keeps it in place of
# the frames. Policies do not see it.
GOAL_REFERENCE = 'goal_reference'
# Streams of rewards and discounts, and the halves that learn from them.
IMITATION = 'imitation'
TASK = 'task'
STREAMS = (IMITATION, TASK)


def validate_imitation_spec(environment_spec: specs.EnvironmentSpec) -> None:
  """Checks that an environment can drive the imitation half.

  Args:
    environment_spec: spec of the environment that the imitation actor acts in:
      observations a dict with `goal`, itself a dict of some of the other keys;
      rewards and discounts dicts of scalars with keys `imitation` and `task`;
      actions bounded; these three in float32. `goal_reference` is optional.

  Raises:
    ValueError: if a spec does not fit; the message names it and the remedy.
  """
  validate_actions(environment_spec.actions)
  _validate_goal(environment_spec.observations)
  _validate_streams('rewards', environment_spec.rewards)
  _validate_streams('discounts', environment_spec.discounts)


def validate_task_spec(environment_spec: specs.EnvironmentSpec) -> None:
  """Checks that an environment can drive a task half by itself.

  Args:
    environment_spec: spec of the environment: rewards and discounts scalars,
      actions bounded, all in float32.

  Raises:
    ValueError: if a spec does not fit; the message names it and the remedy.
  """
  validate_actions(environment_spec.actions)
  _validate_numbers(environment_spec.observations)
  for name in ('rewards', 'discounts'):
    spec = getattr(environment_spec, name)
    if not isinstance(spec, specs.Array):
      raise ValueError(
        f'{name} are {spec!r}, but one half learns from one stream: return a '
        'scalar.'
      )
    _validate_scalar(name, spec)


def validate_goal_reference(observations: types.NestedSpec) -> None:
  """Checks that an environment says where its goals are found.

  Args:
    observations: spec of the observations.

  Raises:
    ValueError: if it does not, with the remedy.
  """
  spec = observations.get(GOAL_REFERENCE)
  if spec is None or spec.shape != (2,) or spec.dtype != np.int32:
    raise ValueError(
      f'observation {GOAL_REFERENCE!r} is {spec!r}: to keep goals as references '
      'the environment must show int32[2], the demonstration and the step of '
      'the goal; let it, or leave goal_frames out.'
    )


def validate_actions(action_spec: types.NestedSpec) -> None:
  """Checks that actions are one float32 array with finite bounds.

  Args:
    action_spec: spec of the environment's actions.

  Raises:
    ValueError: if they are not, with the remedy.
  """
  bounded = (
    isinstance(action_spec, specs.BoundedArray)
    and np.issubdtype(action_spec.dtype, np.floating)
    and bool(
      np.all(np.isfinite(action_spec.minimum))
      and np.all(np.isfinite(action_spec.maximum))
    )
  )
  if not bounded:
    raise ValueError(
      f'actions are {action_spec!r}, but the policy is continuous and squashed '
      'to finite bounds: give the environment a BoundedArray action spec of '
      'floats, for instance with acme.wrappers.CanonicalSpecWrapper.'
    )
  _validate_single('actions', action_spec)


def imitation_spec(
  environment_spec: specs.EnvironmentSpec,
) -> specs.EnvironmentSpec:
  """Returns the imitation learner's view: goal kept, scalar streams."""
  return environment_spec._replace(
    observations=without(environment_spec.observations, GOAL_REFERENCE),
    rewards=_stream(environment_spec.rewards, IMITATION),
    discounts=_stream(environment_spec.discounts, IMITATION),
  )


def task_spec(
  environment_spec: specs.EnvironmentSpec,
) -> specs.EnvironmentSpec:
  """Returns the task learner's view: no goal, scalar streams.

  Args:
    environment_spec: spec of the imitation environment or of the task environment,
      which is returned as it is.

  Returns:
    The spec of the task environment.
  """
  return environment_spec._replace(
    observations=without(environment_spec.observations, GOAL, GOAL_REFERENCE),
    rewards=_stream(environment_spec.rewards, TASK),
    discounts=_stream(environment_spec.discounts, TASK),
  )


def without(observation: Any, *keys: str) -> Any:
  """Returns an observation, or its spec, without some of its keys."""
  if not isinstance(observation, abc.Mapping):
    return observation
  return {k: v for k, v in observation.items() if k not in keys}


def _stream(nest: Any, stream: str) -> Any:
  return nest[stream] if isinstance(nest, abc.Mapping) else nest


def _validate_goal(observations: types.NestedSpec) -> None:
  """Checks that `goal` is there and mirrors observations."""
  if not isinstance(observations, abc.Mapping) or GOAL not in observations:
    raise ValueError(
      f'observations are {observations!r}, without the key {GOAL!r}: the '
      'imitation half needs an environment that shows the next frame of a '
      'demonstration; wrap yours in one that does.'
    )
  _validate_numbers(observations)
  goal = observations[GOAL]
  keys = sorted(without(observations, GOAL, GOAL_REFERENCE))
  if not isinstance(goal, abc.Mapping) or not goal:
    raise ValueError(
      f'observation {GOAL!r} is {goal!r}: it must be a dict with some of the '
      f'keys {keys}.'
    )
  for key, goal_spec in goal.items():
    if key not in keys:
      raise ValueError(
        f'goal key {key!r} is not an observation, which are {keys}: remove it '
        'from the goal or add the observation.'
      )
    _validate_same(key, goal_spec, observations[key])


def _validate_same(key: str, goal: specs.Array, value: specs.Array) -> None:
  if (goal.shape, goal.dtype) != (value.shape, value.dtype):
    raise ValueError(
      f'goal {key!r} has shape {goal.shape} and dtype {goal.dtype}, the '
      f'observation {value.shape} and {value.dtype}: the goal is a frame of a '
      'demonstration and must match; record the demonstrations with the '
      "environment's own observables."
    )


def _validate_streams(name: str, nest: types.NestedSpec) -> None:
  """Checks that rewards or discounts hold one scalar a stream."""
  if not isinstance(nest, abc.Mapping) or set(nest) != set(STREAMS):
    raise ValueError(
      f'{name} are {nest!r}, but MetaMimic learns from two streams: return a '
      f'dict with the keys {list(STREAMS)}.'
    )
  streams: Mapping[str, specs.Array] = nest
  for stream, spec in streams.items():
    _validate_scalar(f'{name} of stream {stream!r}', spec)


def _validate_scalar(name: str, spec: specs.Array) -> None:
  """Checks that a stream is one number of the dtype that learners take."""
  if spec.shape:
    raise ValueError(f'{name} have shape {spec.shape}: return a scalar.')
  _validate_single(name, spec)


def _validate_single(name: str, spec: specs.Array) -> None:
  """Checks the dtype of what replay and learners take in float32 alone."""
  if spec.dtype == np.float32:
    return
  remedy = (
    'wrap the environment in acme.wrappers.SinglePrecisionWrapper'
    if spec.dtype == np.float64
    # Which makes int32 of int64.
    else 'wrap the environment in an acme.wrappers.EnvironmentWrapper that '
    'converts them with np.float32 and says so in its specs'
  )
  raise ValueError(
    f'{name} have dtype {spec.dtype}, but replay and learners take float32: '
    f'{remedy}.'
  )


def _validate_numbers(observations: types.NestedSpec) -> None:
  """Checks that a network can see the observations."""
  for path, spec in tree.flatten_with_path(observations):
    if not (np.issubdtype(spec.dtype, np.number) or spec.dtype == np.bool_):
      name = '/'.join(map(str, path))
      raise ValueError(
        f'observation {name!r} has dtype {spec.dtype}, but networks see numbers: '
        'leave it out with an acme.wrappers.EnvironmentWrapper.'
      )
