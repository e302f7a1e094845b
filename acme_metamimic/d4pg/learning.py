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

"""D4PG learner with priorities, checkpoints and a stop at divergence."""

import os
import time
from typing import Any, Dict, Optional

from absl import logging
from acme.utils import loggers
import tensorflow as tf

from acme_metamimic.d4pg import diagnostics
from acme_metamimic.d4pg import updates
from acme_metamimic.replay import priorities as priorities_lib
from acme_metamimic.replay import provenance
from acme_metamimic.tf import checkpoints
from acme_metamimic.tf import terminal


class D4PGLearner(updates.FusedD4PGLearner):
  """Runs D4PG's updates, and writes priorities, checkpoints and logs.

  The critic loss of each sampled transition becomes its new priority, as in
  Ape-X DPG (Horgan et al., 2018, "Distributed Prioritized Experience Replay").
  The learner is that of algorithms 2 and 4 (appendix A).
  """

  def __init__(
    self,
    *,
    logger: Optional[loggers.Logger] = None,
    priority_writer: Optional[priorities_lib.PriorityWriter] = None,
    checkpoint_directory: Optional[str] = None,
    checkpoint_name: str = 'learner',
    checkpoint_period_minutes: float = 10.0,
    **arguments: Any,
  ):
    """Initializes the learner; the networks' variables must exist.

    Args:
      logger: logger that receives the metrics and counts of each call of
        `step`; by default one that writes to the terminal.
      priority_writer: writer of the sampled items' new priorities, which is
        closed with the learner; None if the table has no priorities.
      checkpoint_directory: folder for checkpoints; None switches them off. If
        there is a checkpoint of this learner's name, the learner resumes from it.
      checkpoint_name: name of this learner, which no other learner with the same
        folder may have. Its checkpoints are in `checkpoints/<checkpoint_name>`
        in the folder.
      checkpoint_period_minutes: minutes between two checkpoints.
      **arguments: arguments of `updates.FusedD4PGLearner`, such as the networks,
        `discount`, `target_update_period` and the optimizers.

    Raises:
      ValueError: if an argument does not fit, with the remedy.
    """
    super().__init__(
      # Acme's default logger and its checkpoints have a folder that is the same
      # for any two learners.
      logger=logger or terminal.make_logger('learner'),
      checkpoint=False,
      **arguments,
    )
    self._timestamp: Optional[float] = None
    self._priority_writer = priority_writer
    self._diverged = False
    self._diverged_folder: Optional[str] = None
    if checkpoint_directory is not None:
      self._checkpointer = checkpoints.Checkpointer(
        objects_to_save={'counter': self._counter, **self._checkpointables()},
        directory=checkpoint_directory,
        subdirectory=checkpoint_name,
        time_delta_minutes=checkpoint_period_minutes,
        # A path that is the same in every process is what a restart can find.
        add_uid=False,
      )
      self._diverged_folder = os.path.join(
        checkpoint_directory, 'diverged', checkpoint_name
      )

  def step(self) -> None:
    """Runs `updates_per_step` updates.

    Raises:
      FloatingPointError: if a loss or a gradient is not finite. The update that
        it belongs to is not applied. The state before it is written to
        `diverged/<checkpoint_name>` in the checkpoint folder, and the last
        checkpoint is left as it is.
    """
    fetches = self._step()
    items = {name: fetches.pop(name).numpy() for name in updates.ITEM_FIELDS}
    if not fetches.pop('finite'):
      self._stop_diverged(fetches)
    fetches.update(provenance.metrics(items.pop('marks')))
    if self._priority_writer is not None:
      self._priority_writer.write(**items)
      fetches.update(diagnostics.priority_metrics(items['priorities']))
      fetches.update(self._priority_writer.counts())

    timestamp = time.time()
    elapsed_time = timestamp - self._timestamp if self._timestamp else 0
    self._timestamp = timestamp
    counts = self._counter.increment(
      steps=self._updates_per_step, walltime=elapsed_time
    )
    if self._checkpointer is not None:
      self._checkpointer.save()
    self._logger.write({**fetches, **counts})

  def _stop_diverged(self, scalars: Dict[str, tf.Tensor]) -> None:
    """Saves the state for inspection and raises a FloatingPointError.

    Args:
      scalars: metrics of the call in which the learner diverged, by name.
    """
    self._diverged = True
    self.close()
    saved = 'The state was not saved, as there is no checkpoint directory.'
    if self._diverged_folder is not None:
      path = checkpoints.write(self._checkpointables(), self._diverged_folder)
      saved = (
        f'The state before it is in {path} for inspection. The last checkpoint '
        'is untouched.'
      )
    raise FloatingPointError(
      'A loss or gradient is not finite, and its update was not applied: '
      f'{ {name: float(value) for name, value in scalars.items()} }. {saved} '
      'Resume with lower learning rates, or look for non-finite observations '
      'and rewards.'
    )

  def save(self) -> bool:
    """Writes a checkpoint now.

    Returns:
      Whether a checkpoint was written: not if checkpoints are switched off, nor
      if the learner has diverged, so that the last good checkpoint stays.
    """
    if self._checkpointer is None:
      return False
    if self._diverged:
      logging.error('No checkpoint written: the learner has diverged.')
      return False
    return self._checkpointer.save(force=True)

  def close(self) -> None:
    """Stops the thread that writes priorities."""
    if self._priority_writer is not None:
      self._priority_writer.close()

  def _checkpointables(self) -> Dict[str, Any]:
    """Returns the TensorFlow objects that a checkpoint holds, by name."""
    objects = {
      'policy': self._policy_network,
      'critic': self._critic_network,
      'observation': self._observation_network,
      'target_policy': self._target_policy_network,
      'target_critic': self._target_critic_network,
      'target_observation': self._target_observation_network,
      'policy_optimizer': self._policy_optimizer,
      'critic_optimizer': self._critic_optimizer,
      'num_steps': self._num_steps,
    }
    if self._average is not None:
      objects['averaged_policy'] = self._average.policy
    return objects
