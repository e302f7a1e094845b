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

"""Tests of the forms of pixel networks."""

import acme
import numpy as np
import pytest
import tensorflow as tf

from environments import block_stacking
from experiments import experiment
from experiments import overrides
from experiments import pixel_forms
from experiments import presets
from experiments import settings


@pytest.mark.parametrize(
  'name', [n for n, f in pixel_forms.FORMS.items() if f.image_size < 128]
)
def test_forms_fit_their_images(name):
  form = pixel_forms.FORMS[name]
  size = form.image_size
  torso = form.torso()
  features = torso(tf.zeros([1, size, size, 6], tf.uint8))
  assert features.shape == (1, 256)
  # Small, by the side of 22 million.
  assert sum(int(np.prod(v.shape)) for v in torso.variables) < 2e6
  has_norm = any('instance_norm' in v.name for v in torso.variables)
  assert has_norm == (not name.startswith('impala') and 'plain' not in name)


def test_small_torso_in_mixed_precision_makes_the_same_features():
  images = np.random.RandomState(0).randint(256, size=(2, 64, 64, 6))
  images = tf.constant(images, tf.uint8)
  torso = pixel_forms.make_torso(pixel_forms.TWO_CORES)()
  mixed = pixel_forms.make_torso(pixel_forms.TWO_CORES, 'float16')()
  expected = torso(images)
  mixed(images)
  for source, destination in zip(torso.variables, mixed.variables, strict=True):
    destination.assign(source)
  features = mixed(images)
  assert features.dtype == tf.float32
  assert np.any(features != expected)
  # Ten convolutions deep; features are normalised.
  np.testing.assert_allclose(features, expected, atol=0.03)


@pytest.mark.parametrize(
  ('name', 'dtype', 'message'),
  [
    ('paper', 'half', 'float16, bfloat16'),
    ('impala_64', 'bfloat16', 'a network of Acme'),
  ],
)
def test_types_that_a_torso_has_not_are_refused(name, dtype, message):
  with pytest.raises(ValueError, match=message):
    experiment.Networks(torso=name, compute_dtype=dtype)


def test_type_of_the_convolutions_is_a_setting():
  before = presets.make('pixels')
  made = overrides.apply(before, ['networks.compute_dtype=bfloat16'])
  torso = made._sizes(pixel_forms.make_environment_spec(64))['torso']
  assert torso.keywords['compute_dtype'] == tf.bfloat16
  settings.check_effects(made, before)
  # What was kept fits either.
  settings.check_resumable(made, before)


def test_normalised_impala_is_normalised():
  """Adding a constant to what is normalised first changes nothing."""
  images = np.random.RandomState(0).normal(size=(2, 8, 8, 3))
  images = images.astype(np.float32)
  np.testing.assert_allclose(
    pixel_forms.normalised_relu(tf.constant(images)),
    pixel_forms.normalised_relu(tf.constant(images + 7.0)),
    atol=1e-4,
  )
  vectors = tf.constant([[-1.0, 2.0]])
  np.testing.assert_array_equal(
    pixel_forms.normalised_relu(vectors), [[0.0, 2.0]]
  )


def test_spec_is_the_environments():
  made = pixel_forms.make_environment_spec(64)
  environment = block_stacking.load(('image', 'body'), image_size=(64, 64))
  expected = acme.make_environment_spec(environment)
  for key, spec in expected.observations.items():
    for frame in (made.observations, made.observations['goal']):
      assert (frame[key].shape, frame[key].dtype) == (spec.shape, spec.dtype)
  assert made.actions.shape == expected.actions.shape
  environment.close()
