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
"""The environments in which datasets are recorded."""

from typing import Any, Mapping, Optional, Sequence

from environments import block_stacking
from environments import demonstrations
from environments import state_environment
from environments.demonstrations import models

# Arguments of an environment. Datasets note them although they are the defaults,
# so that datasets with the same arguments can be merged.
DEFAULT_ARGUMENTS: Mapping[str, Any] = {
  'episode_length': block_stacking.EPISODE_LENGTH,
  'half_size': block_stacking.HALF_SIZE,
}


def metadata(
  environment: state_environment.StateEnvironment, **arguments: Any
) -> demonstrations.Metadata:
  """Returns the metadata of a dataset that is recorded in an environment.

  Args:
    environment: environment of the recording.
    **arguments: arguments of `block_stacking.load` that load it again.
  """
  return demonstrations.Metadata(
    task=block_stacking.TASK_NAME,
    control_timestep=block_stacking.CONTROL_TIMESTEP,
    model_hash=models.fingerprint(environment.physics.model),
    arguments=arguments,
  )


def load_environment(
  dataset: demonstrations.Dataset,
  observables: Sequence[str],
  *,
  image_size: Optional[tuple[int, int]] = None,
  any_model: bool = False,
) -> state_environment.StateEnvironment:
  """Loads the environment that a dataset was recorded in.

  Args:
    dataset: dataset that was recorded in the environment.
    observables: names of the observations of the environment.
    image_size: height and width of images in pixels; those of the recording by
      default.
    any_model: whether to accept a model that has changed since the recording.

  Returns:
    The environment, after a reset.

  Raises:
    DatasetError: if the dataset is of another task, control rate or model.
  """
  found = dataset.metadata
  found.check(dataset.file, task=block_stacking.TASK_NAME)
  arguments = dict(found.arguments)
  if image_size is not None:
    arguments['image_size'] = image_size
  try:
    environment = block_stacking.load(observables, seed=0, **arguments)
  except (TypeError, ValueError) as error:
    raise demonstrations.DatasetError(
      f'{dataset.file} was recorded with arguments {found.arguments}, which the '
      f'environment does not take ({error}); use the version that recorded it.'
    ) from error
  expected = metadata(environment)
  found.check(dataset.file, control_timestep=expected.control_timestep)
  if not any_model:
    found.check(dataset.file, model_hash=expected.model_hash)
  environment.reset()
  return environment
