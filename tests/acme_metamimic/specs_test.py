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

"""Tests of what is asked of an environment's specs."""

import re

from acme import specs
from acme.wrappers import single_precision
from dm_env import specs as dm_specs
import numpy as np
import pytest

from acme_metamimic import specs as specs_lib
from tests.acme_metamimic import fakes


def _replace_goal(goal):
  spec = fakes.imitation_spec()
  return spec._replace(observations={**spec.observations, 'goal': goal})


def _array(*shape, dtype=np.float32):
  return specs.Array(shape, dtype)


def test_fitting_spec_is_accepted():
  specs_lib.validate_imitation_spec(fakes.imitation_spec())


def test_goal_may_lack_keys():
  specs_lib.validate_imitation_spec(_replace_goal({'body': _array(3)}))


def test_imitation_view_keeps_the_goal():
  spec = fakes.imitation_spec()
  view = specs_lib.imitation_spec(spec)
  assert view.observations == spec.observations
  assert view.rewards == spec.rewards['imitation']
  assert view.discounts == spec.discounts['imitation']


def test_task_view_is_the_task_environments_spec():
  expected = fakes.task_spec()
  assert specs_lib.task_spec(fakes.imitation_spec()) == expected
  assert specs_lib.task_spec(expected) == expected


@pytest.mark.parametrize(
  ('goal', 'message'),
  [
    ({'body': _array(4)}, "goal 'body' has shape (4,)"),
    ({'body': _array(3, dtype=np.float64)}, 'dtype float64'),
    ({'head': _array(3)}, "goal key 'head' is not an observation"),
    ({}, 'it must be a dict with some of the keys'),
    (_array(3), "keys ['blocks', 'body']"),
  ],
)
def test_goal_that_does_not_mirror_is_refused(goal, message):
  with pytest.raises(ValueError, match=re.escape(message)):
    specs_lib.validate_imitation_spec(_replace_goal(goal))


@pytest.mark.parametrize('observations', [{'body': _array(3)}, _array(3)])
def test_missing_goal_is_refused(observations):
  spec = fakes.imitation_spec()._replace(observations=observations)
  with pytest.raises(ValueError, match="without the key 'goal'"):
    specs_lib.validate_imitation_spec(spec)


@pytest.mark.parametrize('field', ['rewards', 'discounts'])
@pytest.mark.parametrize(
  ('value', 'message'),
  [
    (_array(), "dict with the keys ['imitation', 'task']"),
    ({'task': _array()}, "dict with the keys ['imitation', 'task']"),
    ({'task': _array(), 'imitation': _array(2)}, 'have shape (2,)'),
  ],
)
def test_missing_streams_are_refused(field, value, message):
  spec = fakes.imitation_spec()._replace(**{field: value})
  with pytest.raises(ValueError, match=f'{field}.*{re.escape(message)}'):
    specs_lib.validate_imitation_spec(spec)


_SINGLE = (
  'float32: wrap the environment in acme.wrappers.SinglePrecisionWrapper'
)
_OTHER = 'EnvironmentWrapper that converts them with np.float32'


@pytest.mark.parametrize(
  ('dtype', 'remedy'),
  [(np.float64, _SINGLE), (np.int32, _OTHER), (np.int64, _OTHER)],
)
@pytest.mark.parametrize('field', ['rewards', 'discounts'])
def test_streams_of_other_dtypes_are_refused(field, dtype, remedy):
  streams = {'task': _array(dtype=dtype), 'imitation': _array()}
  said = (
    f"{field} of stream 'task' have dtype {np.dtype(dtype)}, but .*{remedy}"
  )
  spec = fakes.imitation_spec()._replace(**{field: streams})
  with pytest.raises(ValueError, match=said):
    specs_lib.validate_imitation_spec(spec)
  task = fakes.task_spec()._replace(**{field: streams['task']})
  with pytest.raises(ValueError, match=f'{field} have dtype .*{remedy}'):
    specs_lib.validate_task_spec(task)


def test_actions_in_double_precision_are_refused():
  actions = specs.BoundedArray((2,), np.float64, -1.0, 1.0)
  spec = fakes.task_spec()._replace(actions=actions)
  with pytest.raises(
    ValueError, match=f'actions have dtype float64, .*{_SINGLE}'
  ):
    specs_lib.validate_task_spec(spec)
  wrapped = single_precision._convert_spec(spec)
  specs_lib.validate_task_spec(wrapped)


def test_observations_that_are_no_numbers_are_refused():
  spec = fakes.imitation_spec()
  observations = {**spec.observations, 'word': dm_specs.StringArray(())}
  with pytest.raises(
    ValueError, match=r"'word' has dtype object.*leave it out"
  ):
    specs_lib.validate_imitation_spec(spec._replace(observations=observations))
  # Counts and images are.
  for dtype in (np.int64, np.uint8, np.bool_):
    numbers = {**spec.observations, 'number': _array(3, dtype=dtype)}
    specs_lib.validate_imitation_spec(spec._replace(observations=numbers))


def test_task_half_alone_has_one_stream():
  with pytest.raises(ValueError, match='one half learns from one stream'):
    specs_lib.validate_task_spec(fakes.imitation_spec())


@pytest.mark.parametrize(
  'actions',
  [
    _array(2),
    specs.BoundedArray((2,), np.float32, -np.inf, np.inf),
    specs.DiscreteArray(3),
    {'arm': specs.BoundedArray((2,), np.float32, -1, 1)},
  ],
)
def test_actions_without_finite_bounds_are_refused(actions):
  spec = fakes.imitation_spec()._replace(actions=actions)
  with pytest.raises(ValueError, match=r'actions are .*CanonicalSpecWrapper'):
    specs_lib.validate_imitation_spec(spec)
