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

"""Checks of the networks' arguments against the specs of the observations."""

from collections import abc
from typing import List, Optional, Sequence

from acme import specs
from acme import types
import numpy as np
import tree

from acme_metamimic import specs as specs_lib
from acme_metamimic.tf import observation_networks
from acme_metamimic.tf import views


def checked_keys(
  name: str, keys: Optional[Sequence[str]], observations: types.NestedSpec
) -> Sequence[str]:
  """Returns the keys, all by default; raises a ValueError if one is unknown."""
  if not isinstance(observations, abc.Mapping):
    raise ValueError(
      f'{name}={keys} need observations by key, and there is one array: make '
      'the observation a dict.'
    )
  observed = [key for key in observations if key != specs_lib.GOAL]
  unknown = set(keys or ()) - set(observed)
  if unknown or keys == ():
    raise ValueError(
      f'{name}={keys} must be some of {observed}: observe '
      f'{sorted(unknown) or "at least one"}, or take it out.'
    )
  return tuple(keys or observed)


def check_targets(
  targets: Optional[views.AuxiliaryTargets], observations: types.NestedSpec
) -> None:
  """Raises a ValueError if a target is not observed."""
  if targets is None:
    return
  unknown = {*targets.observation, *targets.goal_difference} - set(observations)
  if unknown:
    raise ValueError(
      f'auxiliary_targets {sorted(unknown)} are none of the observed '
      f'{sorted(observations)}: observe them, or have no such targets.'
    )


def checked_hidden(
  hidden: Optional[views.Components], observations: types.NestedSpec
) -> views.Components:
  """Returns the components, {} for None; raises a ValueError if one is unknown."""
  for key, components in (hidden or {}).items():
    shape = observations[key].shape if key in observations else None
    if np.shape(components) != shape:
      raise ValueError(
        f'hidden[{key!r}] has shape {np.shape(components)}, and the observation '
        f'{shape}: give a bool for each component of a key that is observed.'
      )
  return hidden or {}


def check_siamese(
  observation: types.NestedSpec, goal: types.NestedSpec
) -> None:
  """Raises a ValueError unless observation and goal have the same images."""
  if image_keys(observation) != image_keys(goal):
    raise ValueError(
      f'siamese=True compares images, but the observation has '
      f'{image_keys(observation)} and its goal {image_keys(goal)}: show both the '
      'same, or leave siamese out.'
    )


def image_keys(observations: types.NestedSpec) -> List[str]:
  """Returns the keys of the images in an observation.

  Args:
    observations: specs of the observations by key, or the spec of a single one.

  Returns:
    Sorted keys of the images; `['']` if the single observation is an image.

  Raises:
    ValueError: if an observation is neither a vector nor an image, or if images
      differ in height or width.
  """
  if not isinstance(observations, abc.Mapping):
    observations = {'': observations}
  frame = {k: v for k, v in observations.items() if k != specs_lib.GOAL}
  sizes = {}
  for path, spec in tree.flatten_with_path(frame):
    _check_rank_and_dtype(path, spec)
    if len(spec.shape) == 3:
      sizes[path[0]] = spec.shape[:2]
  if len(set(sizes.values())) > 1:
    raise ValueError(
      f'images have the sizes {sizes}, but go through one torso side by side: '
      'render them with one height and width.'
    )
  return sorted(sizes)


def _check_rank_and_dtype(path: Sequence[str], spec: specs.Array) -> None:
  """Raises a ValueError unless an observation is a vector or an image."""
  name, rank = '/'.join(path), len(spec.shape)
  if rank == 2 or rank > 3 or (rank == 3 and len(path) > 1):
    raise ValueError(
      f'observation {name!r} has shape {spec.shape}: make it a vector, or an '
      'image [height, width, channels] under a key of its own.'
    )
  if rank == 3 and spec.dtype != np.uint8:
    raise ValueError(
      f'observation {name!r} has shape {spec.shape} and dtype {spec.dtype}: '
      'images are kept as uint8, a quarter of the size of float32, until the '
      'network scales them; observe what the camera renders.'
    )


def check_scale(
  name: str,
  scale: Optional[observation_networks.Scales],
  observations: types.NestedSpec,
) -> None:
  """Raises a ValueError unless each scale factor fits its key's observation."""
  if not scale:
    return
  if not isinstance(observations, abc.Mapping):
    raise ValueError(
      f'{name} has the keys {sorted(scale)}, but the observation is one array: '
      'leave the scale out or make the observation a dict.'
    )
  for key, value in scale.items():
    if key not in observations:
      raise ValueError(
        f'{name} has the key {key!r}, which is none of {sorted(observations)}: '
        'remove it.'
      )
    shape = observations[key].shape
    if len(shape) == 3:
      raise ValueError(
        f'{name} has the key {key!r}, an image, which the torso scales: remove '
        'it.'
      )
    if not _broadcasts(np.shape(value), shape):
      raise ValueError(
        f'{name}[{key!r}] has shape {np.shape(value)}: give a scalar or an '
        f'array of shape {shape}.'
      )


def check_details(
  details: Optional[observation_networks.Details],
  observations: types.NestedSpec,
) -> None:
  """Raises a ValueError if a detail is computed from what is no vector."""
  if details is None:
    return
  by_key = observations if isinstance(observations, abc.Mapping) else {}
  vectors = {key for key, spec in by_key.items() if len(spec.shape) <= 1}
  unknown = set(details.keys) - vectors
  if unknown:
    raise ValueError(
      f'details need {sorted(unknown)}, which are none of the observed vectors, '
      f'{sorted(vectors)}: observe them, or leave the details out.'
    )


def _broadcasts(source: Sequence[int], destination: Sequence[int]) -> bool:
  """Returns whether the source shape broadcasts to the destination shape."""
  try:
    return np.broadcast_shapes(source, destination) == tuple(destination)
  except ValueError:
    return False
