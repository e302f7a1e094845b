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

"""A teacher: a trained policy whose actions another one learns beside its own.

From images a policy has to learn where things are and what to do about it at
once. A policy that sees the state learns the second sooner, and is there in
training as the critic's state is. It is asked at the states that the learning
policy itself comes to, so that it shows the way back from that one's errors.

Source: Ross et al., 2011, "A Reduction of Imitation Learning and Structured
Prediction to No-Regret Online Learning" (DAgger), for where the teacher is asked;
Chen et al., 2019, "Learning by Cheating", for a teacher that sees the state. The
MetaMimic paper has no such term.
"""

from typing import Any, Sequence, Tuple

from acme import specs
from acme import types
import tensorflow as tf
import tree

from acme_metamimic.d4pg import auxiliary
from acme_metamimic.d4pg import learning
from acme_metamimic.tf import snapshots

_METRICS = ('teacher_loss',)


class TaughtD4PGLearner(learning.D4PGLearner):
  """D4PG with the policy loss `dpg + w mean(|teacher(o) - pi(o)|^2)`."""

  def __init__(
    self,
    *,
    teacher: snapshots.LoadedPolicy,
    teacher_weight: float,
    **arguments: Any,
  ):
    """Initializes the learner; the networks' variables must exist.

    Args:
      teacher: policy from observations to actions.
      teacher_weight: weight w of the squared distance to its actions.
      **arguments: arguments of `learning.D4PGLearner`, whose networks select
        what they see themselves (see `tf.views`), as the teacher does.

    Raises:
      PolicyError: if the teacher takes what the observations do not have.
    """
    super().__init__(**arguments)
    sampled = arguments['dataset_iterator'].element_spec.data.next_observation
    teacher.check(tree.map_structure(_unbatched, sampled))
    self._teacher = teacher
    self._teacher_weight = teacher_weight

  @property
  def _metric_names(self) -> Sequence[str]:
    return (*super()._metric_names, *_METRICS)

  def _act(
    self, observation: types.NestedTensor
  ) -> Tuple[tf.Tensor, auxiliary.AuxiliaryLosses]:
    """Adds the distance to the teacher's actions; see the base class."""
    action, beside = super()._act(observation)
    taught = tf.stop_gradient(self._teacher(observation))
    squares = tf.reduce_sum(tf.square(action - taught), axis=-1)
    return action, auxiliary.AuxiliaryLosses(
      beside.losses + self._teacher_weight * squares,
      {**beside.metrics, 'teacher_loss': tf.reduce_mean(squares)},
    )


def _unbatched(tensors: tf.TensorSpec) -> specs.Array:
  """Returns the spec of one of a batch."""
  return specs.Array(tuple(tensors.shape[1:]), tensors.dtype.as_numpy_dtype)
