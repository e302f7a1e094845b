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
"""Tests of policies and critics that see different parts of an observation."""

import copy

from acme import specs
import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import networks
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import learning
from acme_metamimic.tf import actors
from acme_metamimic.tf import snapshots
from acme_metamimic.tf import views
from tests.acme_metamimic import fakes
from tests.acme_metamimic.d4pg import learners

_SIZE, _BATCH_SIZE, _LEARNING_RATE = 8, 4, 0.1
_OBSERVATIONS = {
  'image': specs.BoundedArray((_SIZE, _SIZE, 3), np.uint8, 0, 255),
  'state': specs.Array((4,), np.float32),
}
_SPEC = fakes.imitation_spec()._replace(
  observations={**_OBSERVATIONS, 'goal': _OBSERVATIONS}
)
_TARGETS = views.AuxiliaryTargets(
  {'state': np.array([10.0, 0.0, 0.0, 5.0], np.float32)},
  {'state': np.array([0.0, 100.0, 0.0, 0.0], np.float32)},
)

_HIDDEN = {'state': np.array([False, True, False, True])}


class _Torso(snt.Module):
  """Sees the mean of each channel."""

  def __init__(self) -> None:
    super().__init__(name='torso')
    self._layer = snt.Linear(6)

  def __call__(self, images: tf.Tensor) -> tf.Tensor:
    means = tf.reduce_mean(tf.cast(images, tf.float32), axis=[1, 2]) / 255.0
    return tf.tanh(self._layer(means))


def _make_networks(**options):
  return networks.make_imitation_networks(
    _SPEC,
    policy_layer_sizes=(8,),
    critic_layer_sizes=(8,),
    vmax=10.0,
    num_atoms=21,
    torso=_Torso,
    **{'policy_keys': ('image',), 'critic_keys': ('state',), **options},
  )


def _make_pair(**options):
  online = _make_networks(**options)
  target = copy.deepcopy(online)
  for each in (online, target):
    each.init(specs_lib.imitation_spec(_SPEC))
  return online, target


@pytest.fixture(scope='module')
def samples():
  made = fakes.make_samples(
    specs_lib.imitation_spec(_SPEC), _BATCH_SIZE * learners.NUM_BATCHES
  )

  def to_bytes(path, value):
    return (100.0 + 30.0 * value).astype(np.uint8) if 'image' in path else value

  return tree.map_structure_with_path(to_bytes, made)


def _batch(samples, number: int = _BATCH_SIZE):
  return tree.map_structure(lambda x: tf.constant(x[:number]), samples)


def _changed(observation, key: str, part: str | None = None):
  """Returns the observation with one key changed, of itself or of its goal."""

  def other(value):
    return tf.cast(200, value.dtype) - value

  if part == 'goal':
    goal = {**observation['goal'], key: other(observation['goal'][key])}
    return {**observation, 'goal': goal}
  return {**observation, key: other(observation[key])}


@pytest.mark.parametrize('part', [None, 'goal'])
def test_each_sees_its_keys_alone(samples, part):
  online, _ = _make_pair()
  data = _batch(samples).data
  observation, action = data.observation, data.action

  def outputs(observation):
    features = online.observation_network(observation)
    return (
      online.policy_network(features).numpy(),
      online.critic_network(features, action).mean().numpy(),
    )

  policy, critic = outputs(observation)
  no_image = outputs(_changed(observation, 'image', part))
  no_state = outputs(_changed(observation, 'state', part))
  np.testing.assert_array_equal(no_image[1], critic)
  np.testing.assert_array_equal(no_state[0], policy)
  assert not np.allclose(no_image[0], policy)
  assert not np.allclose(no_state[1], critic)


def test_a_snapshot_takes_what_the_policy_sees(samples, tmp_path):
  # With these weights no action is so near zero that rounding is more of it.
  tf.random.set_seed(19)
  online, _ = _make_pair(auxiliary_targets=_TARGETS)
  spec = specs_lib.imitation_spec(_SPEC)
  policy = online.make_policy(spec)
  loaded = tf.saved_model.load(
    snapshots.export_policy(policy, str(tmp_path / 'policy'))
  )
  observation = tree.map_structure(
    lambda x: x[0].numpy(), _batch(samples).data.observation
  )
  seen = views.select(observation, ['image'])
  expected = actors.FeedForwardActor(policy).select_action(observation)
  action = actors.FeedForwardActor(loaded).select_action(seen)
  np.testing.assert_allclose(action, expected, rtol=1e-6)


def test_targets_are_scaled_components():
  observation = {
    'state': tf.constant([[0.1, 0.2, 0.3, 0.4]]),
    'goal': {'state': tf.constant([[0.0, 0.25, 0.0, 0.0]])},
  }
  np.testing.assert_allclose(
    _TARGETS.values(observation), [[1.0, 2.0, 5.0]], rtol=1e-5
  )
  np.testing.assert_array_equal(_TARGETS.scales, [10.0, 5.0, 100.0])


def test_an_update_trains_features_by_both_losses(samples):
  pair = _make_pair(auxiliary_targets=_TARGETS)
  expected, loss, error = _expected(pair[0], _batch(samples).data, weight=0.7)
  learner = learning.D4PGLearner(
    **{
      **learners.arguments(pair),
      'dataset_iterator': fakes.make_iterator(samples, _BATCH_SIZE),
      'clipping': False,
      'critic_optimizer': snt.optimizers.SGD(0.0),
      'policy_optimizer': snt.optimizers.SGD(_LEARNING_RATE),
      'auxiliary_weight': 0.7,
    }
  )
  learner.step()
  variables = pair[0].policy_network.trainable_variables
  # The torso, the head and the predictor.
  assert len(variables) > 6
  learners.assert_close([v.numpy() for v in variables], expected, atol=1e-5)
  (record,) = learner._logger.records
  assert record['auxiliary_loss'] == pytest.approx(loss, rel=1e-4)
  assert record['auxiliary_error_cm'] == pytest.approx(error, rel=1e-4)


def _expected(online, data, weight: float):
  """Returns the policy's variables after an update, by plain autodiff."""
  observation = data.next_observation
  policy = online.policy_network
  variables = policy.trainable_variables
  targets = tf.stack(
    [
      10.0 * observation['state'][:, 0],
      5.0 * observation['state'][:, 3],
      100.0 * (observation['goal']['state'] - observation['state'])[:, 1],
    ],
    axis=-1,
  )
  with tf.GradientTape() as tape:
    value = online.critic_network(observation, policy(observation)).mean()
    errors = policy._predictor(policy.features(observation)) - targets
    auxiliary = tf.reduce_mean(tf.square(errors))
    loss = weight * auxiliary - tf.reduce_mean(value)
  gradients = tape.gradient(loss, variables)
  new = [
    v.numpy() - _LEARNING_RATE * g.numpy()
    for v, g in zip(variables, gradients, strict=True)
  ]
  distances = np.abs(errors) / [10.0, 5.0, 100.0]
  return new, float(auxiliary), 100.0 * float(distances.mean())


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'policy_keys': ('imgae',)}, r"policy_keys=.*imgae.*\['image', 'state'\]"),
    ({'critic_keys': ()}, r'critic_keys=\(\) must be some of'),
    (
      {
        'policy_keys': None,
        'critic_keys': None,
        'auxiliary_targets': _TARGETS,
      },
      "auxiliary_targets and hidden are of features that are the policy's own",
    ),
    (
      {'policy_keys': None, 'critic_keys': None, 'hidden': _HIDDEN},
      "hidden are of features that are the policy's own: give policy_keys",
    ),
    (
      {'hidden': {'sate': _HIDDEN['state']}},
      r"hidden\['sate'\] has shape \(4,\), and the observation None",
    ),
    (
      {'hidden': {'state': np.ones(3, bool)}},
      r"hidden\['state'\] has shape \(3,\), and the observation \(4,\)",
    ),
  ],
)
def test_keys_that_do_not_fit(options, message):
  with pytest.raises(ValueError, match=message):
    _make_networks(**options)


@pytest.mark.parametrize('part', [None, 'goal'])
@pytest.mark.parametrize('component', range(4))
def test_a_policy_does_not_see_what_is_hidden(samples, part, component):
  made = _make_networks(
    policy_keys=('state',), critic_keys=('state',), hidden=_HIDDEN
  )
  made.init(specs_lib.imitation_spec(_SPEC))
  seen = _batch(samples).data.observation
  frame = dict(seen if part is None else seen['goal'])
  frame['state'] = frame['state'] + tf.one_hot(component, 4)
  other = frame if part is None else {**seen, 'goal': frame}

  def act(observation):
    return made.policy_network(observation).numpy()

  same = bool(np.all(act(seen) == act(other)))
  assert same == _HIDDEN['state'][component]
  action = tf.zeros_like(act(seen))
  logits = [made.critic_network(o, action).logits for o in (seen, other)]
  assert np.any(logits[0].numpy() != logits[1].numpy())


def test_a_weight_needs_targets(samples):
  with pytest.raises(
    ValueError, match=r'auxiliary_weight=0.5 needs .*auxiliary_targets'
  ):
    learning.D4PGLearner(
      **learners.arguments(_make_pair()), auxiliary_weight=0.5
    )


def test_targets_that_are_not_observed_are_named():
  targets = views.AuxiliaryTargets({'depth': np.ones(2, np.float32)}, {})
  with pytest.raises(
    ValueError,
    match=r"auxiliary_targets \['depth'\] are none of .*observe them",
  ):
    _make_networks(auxiliary_targets=targets)


def test_task_networks_see_and_predict_no_goals():
  made = networks.make_task_networks(
    _SPEC,
    torso=_Torso,
    policy_keys=('image',),
    critic_keys=('state',),
    auxiliary_targets=_TARGETS,
  )
  made.init(specs_lib.task_spec(_SPEC))
  np.testing.assert_array_equal(
    made.policy_network.auxiliary_scales, [10.0, 5.0]
  )
