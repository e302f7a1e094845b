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

"""Forms of pixel networks, from the paper's to what two cores can train.

`docs/networks.md` has the table from which the small one was chosen.
"""

import functools
from typing import Callable, Dict, NamedTuple, Tuple

from acme import specs
from acme.tf import networks as acme_networks
import numpy as np
import sonnet as snt
import tensorflow as tf

from acme_metamimic.tf import convolutions
from acme_metamimic.tf import resnet
from experiments import environment_spec

# Proprioception of the block-stacking task; see `block_stacking.features`.
_BODY_SIZE = 36


class Form(NamedTuple):
  """A size of images and a torso for them.

  Attributes:
    image_size: edge of the square images, in pixels.
    torso: makes the torso, a module from images, uint8 [B, H, W, 6], to features,
      float32 [B, D]. Of the channels three are the observation's and three the
      goal's; the task half has the first alone. It divides by 255 itself.
    layer_sizes: hidden layers of policy and critic.
  """

  image_size: int
  torso: Callable[[], snt.Module]
  layer_sizes: Tuple[int, ...] = (256, 256)


def _patches(
  image_size: int,
  patch_size: int,
  *num_channels: int,
  instance_norm: bool = True,
) -> Form:
  """Returns a small form of the paper's network."""
  torso = functools.partial(
    resnet.ResNetTorso,
    num_channels=num_channels,
    patch_size=patch_size,
    instance_norm=instance_norm,
  )
  return Form(image_size, torso)


def normalised_relu(x: tf.Tensor) -> tf.Tensor:
  """Returns IMPALA's activation, of images after an instance norm."""
  if x.shape.rank == 4:
    x = snt.InstanceNorm(create_scale=False, create_offset=False)(x)
  return tf.nn.relu(x)


def make_normalised_impala() -> snt.Module:
  """Makes Acme's IMPALA network, with instance norm between convolutions."""
  return acme_networks.ResNetTorso(activation=normalised_relu)


# By name: image size, patch size, channels of the groups.
FORMS: Dict[str, Form] = {
  'paper': Form(128, resnet.ResNetTorso),
  'paper_plain': Form(
    128, functools.partial(resnet.ResNetTorso, instance_norm=False)
  ),
  'impala': Form(128, acme_networks.ResNetTorso),
  'impala_64': Form(64, make_normalised_impala),
  'impala_40_plain': Form(40, acme_networks.ResNetTorso),
  'impala_32': Form(32, make_normalised_impala),
  'impala_32_plain': Form(32, acme_networks.ResNetTorso),
  '64_p2_16_32_32': _patches(64, 2, 16, 32, 32),
  '64_p4_16_32': _patches(64, 4, 16, 32),
  '64_p4_16_32_plain': _patches(64, 4, 16, 32, instance_norm=False),
  '64_p4_16_32_64': _patches(64, 4, 16, 32, 64),
  '64_p4_32_64': _patches(64, 4, 32, 64),
  '40_p4_32_64': _patches(40, 4, 32, 64),
  '40_p4_32_64_plain': _patches(40, 4, 32, 64, instance_norm=False),
  '32_p2_32_64': _patches(32, 2, 32, 64),
}

# Of the forms that make 15 to 20 updates a second on two cores, with oneDNN, the
# one that sees best, of two views.
TWO_CORES = '40_p4_32_64'


def make_torso(
  name: str, compute_dtype: str = 'float32'
) -> Callable[[], snt.Module]:
  """Returns a function that makes a torso.

  Args:
    name: name of its form.
    compute_dtype: type that its convolutions multiply, by name.

  Raises:
    ValueError: if there is no such type, or the torso has no choice of it.
  """
  names = [dtype.name for dtype in convolutions.COMPUTE_DTYPES]
  if compute_dtype not in names:
    raise ValueError(
      f'compute_dtype={compute_dtype!r}: use one of {", ".join(names)}.'
    )
  torso: Callable[..., snt.Module] = FORMS[name].torso
  if compute_dtype == tf.float32.name:
    return torso
  if getattr(torso, 'func', torso) is not resnet.ResNetTorso:
    raise ValueError(
      f'compute_dtype={compute_dtype!r}: {name} is a network of Acme, which has '
      'float32 alone; use another torso, or float32.'
    )
  return functools.partial(torso, compute_dtype=tf.as_dtype(compute_dtype))


def make_environment_spec(image_size: int) -> specs.EnvironmentSpec:
  """Returns the spec of an imitation environment of images and body.

  Args:
    image_size: edge of the square images, in pixels.
  """
  return environment_spec.make_environment_spec(
    {
      'image': specs.BoundedArray(
        (image_size, image_size, 3), np.uint8, 0, 255
      ),
      'body': specs.Array((_BODY_SIZE,), np.float32),
    }
  )
