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

"""Measures how well torsos locate the blocks in rendered frames.

  TF_ENABLE_ONEDNN_OPTS=1 python -m experiments.studies.probe_pixels \
      --forms 64_p4_16_32 64_p4_32_64 --episodes 200 --updates 3000
  TF_ENABLE_ONEDNN_OPTS=1 python -m experiments.studies.probe_pixels \
      --forms 40_p4_32_64 --images close_image side_image --siamese

Frames of scripted episodes are rendered at each form's size and shown in pairs,
as observation and goal are. A torso with a linear layer on top learns the
positions of the hand and of both blocks in either frame by regression. The table
has the mean errors on frames of other episodes, in centimetres: a block has an
edge of 5 cm and is grasped to about 1 cm.
"""

import argparse
from typing import (
  Any,
  Callable,
  Dict,
  List,
  Mapping,
  NamedTuple,
  Optional,
  Sequence,
  Tuple,
)

from acme import types
import numpy as np
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import specs as specs_lib
from acme_metamimic.tf import observation_networks
from environments import block_stacking
from environments.block_stacking import demonstrators
from environments.block_stacking import features
from environments.demonstrations import recording
from experiments import pixel_forms

TARGETS = ('hand', 'top block', 'bottom block')

# An image and a goal's, as networks are shown them, uint8 [B, S, S, C] each.
Pair = Mapping[str, Any]

# Number of control steps from one rendered frame to the next: neighbouring frames
# are too alike to be worth a rendering.
_STRIDE = 8
# Share of the episodes that are tested on.
_TEST_SHARE = 0.2
_BATCH_SIZE = 64
_LEARNING_RATE = 5e-4
# The network's outputs are decimetres, so that they are of order one.
_METRES_PER_OUTPUT = 0.1
_CENTIMETRES = 100.0


class Frames(NamedTuple):
  """Rendered frames, and the positions that are to be located in them.

  Attributes:
    images: images of the scene, those of all cameras side by side along the
      channels, uint8 [N, S, S, C].
    positions: x, y and z of each of the `TARGETS` in metres, float32 [N, 3, 3].
  """

  images: np.ndarray
  positions: np.ndarray


def collect_states(num_episodes: int, seed: int = 0) -> List[np.ndarray]:
  """Returns physics states of scripted episodes.

  Args:
    num_episodes: number of episodes, each with initial poses of its own.
    seed: seed of the first episode.

  Returns:
    Full physics states of each episode, float64 [T, S].
  """
  environment = block_stacking.load(('blocks',))
  recorded = list(
    recording.record(
      environment, demonstrators.STYLES['brisk'], num_episodes, seed
    )
  )
  environment.close()
  return [np.asarray(episode.states)[::_STRIDE] for episode in recorded]


def render(
  states: Sequence[np.ndarray],
  image_size: int,
  cameras: Sequence[str] = ('image',),
) -> Frames:
  """Renders the states of episodes, as the environment shows them.

  Args:
    states: full physics states of each episode, float64 [T, S].
    image_size: height and width of the images, in pixels.
    cameras: names of the images, of `block_stacking.IMAGES`.

  Returns:
    The frames, episode by episode.
  """
  environment = block_stacking.load(
    (*cameras, 'body', 'blocks'), seed=0, image_size=(image_size, image_size)
  )
  environment.reset()
  images, positions = [], []
  for state in np.concatenate(states):
    frame = environment.reset_to(state).observation
    images.append(np.concatenate([frame[name] for name in cameras], axis=-1))
    positions.append(
      (
        frame['body'][features.BODY_LAYOUT['hand_position']],
        frame['blocks'][features.BLOCKS_LAYOUT['top_position']],
        frame['blocks'][features.BLOCKS_LAYOUT['bottom_position']],
      )
    )
  environment.close()
  return Frames(np.stack(images), np.array(positions, np.float32))


def split(
  states: Sequence[np.ndarray],
) -> Tuple[Sequence[np.ndarray], Sequence[np.ndarray]]:
  """Splits episodes into those to train on and those to test on.

  Args:
    states: full physics states of each episode, float64 [T, S].

  Returns:
    The states of the episodes to train on, and of those to test on.
  """
  num_test = max(1, round(_TEST_SHARE * len(states)))
  return states[:-num_test], states[-num_test:]


def probe(
  make_torso: Callable[[], snt.Module],
  train: Frames,
  test: Frames,
  num_updates: int,
  seed: int = 0,
  siamese: bool = False,
) -> np.ndarray:
  """Trains a torso to locate the targets, and tests it on other frames.

  Args:
    make_torso: function that makes the torso, whose input are images, uint8
      [B, S, S, C], or pairs of them, uint8 [B, S, S, 2 C].
    train: frames to train on.
    test: frames to test on.
    num_updates: number of gradient updates, on batches of 64 pairs.
    seed: seed of the weights and of the pairs.
    siamese: whether the images of a pair go through the torso one after the
      other.

  Returns:
    The mean error of each target on the test frames in cm, float64 [3].
  """
  tf.random.set_seed(seed)
  random_state = np.random.RandomState(seed)
  torso = observation_networks.PixelObservation(
    make_torso(), ['image'], snt.Flatten(), siamese
  )
  network = snt.Sequential([torso, snt.Linear(2 * 3 * len(TARGETS))])
  optimizer = snt.optimizers.Adam(_LEARNING_RATE)
  centre = train.positions.mean(axis=0)

  def make_batch(frames: Frames) -> Tuple[Pair, np.ndarray]:
    images, positions = _draw_pairs(frames, random_state)
    targets = (positions - centre) / _METRES_PER_OUTPUT
    return images, targets.reshape(_BATCH_SIZE, -1)

  @tf.function
  def update(images: types.NestedTensor, targets: tf.Tensor) -> None:
    with tf.GradientTape() as tape:
      loss = tf.reduce_mean(tf.square(network(images) - targets))
    variables = network.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)

  network(make_batch(train)[0])
  for _ in range(num_updates):
    update(*tree.map_structure(tf.constant, make_batch(train)))

  errors = []
  for _ in range(max(1, 2 * len(test.images) // _BATCH_SIZE)):
    images, targets = make_batch(test)
    images = tree.map_structure(tf.constant, images)
    error = network(images).numpy() - targets
    errors.append(error.reshape(-1, len(TARGETS), 3) * _METRES_PER_OUTPUT)
  return _mean_distances(np.concatenate(errors))


def _draw_pairs(
  frames: Frames, random_state: np.random.RandomState
) -> Tuple[Pair, np.ndarray]:
  """Returns a batch of pairs: images, and positions [B, 2, 3, 3]."""
  first, second = random_state.randint(
    len(frames.images), size=(2, _BATCH_SIZE)
  )
  images = {
    'image': frames.images[first],
    specs_lib.GOAL: {'image': frames.images[second]},
  }
  positions = np.stack([frames.positions[first], frames.positions[second]], 1)
  return images, positions


def blind_errors(train: Frames, test: Frames) -> np.ndarray:
  """Returns the errors of the mean position as an answer to every frame.

  Args:
    train: frames whose mean position is taken.
    test: frames to test on.

  Returns:
    The mean error of each target on the test frames in cm, float64 [3].
  """
  return _mean_distances(test.positions - train.positions.mean(axis=0))


def _mean_distances(errors: np.ndarray) -> np.ndarray:
  """Returns the mean length in cm [3] of errors in metres [N, 3, 3]."""
  return _CENTIMETRES * np.linalg.norm(errors, axis=-1).mean(axis=0)


def main(argv: Optional[Sequence[str]] = None) -> None:
  """Prints a row of the table for each form.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument(
    '--forms',
    nargs='+',
    choices=pixel_forms.FORMS,
    default=['64_p4_16_32', pixel_forms.TWO_CORES],
    help='Names of the forms of networks to measure.',
  )
  parser.add_argument(
    '--episodes',
    type=int,
    default=200,
    help='Number of scripted episodes whose frames are rendered.',
  )
  parser.add_argument(
    '--updates',
    type=int,
    default=3000,
    help='Number of gradient updates of each torso.',
  )
  parser.add_argument(
    '--images',
    nargs='+',
    choices=block_stacking.IMAGES,
    default=['image'],
    help='Names of the images that are shown.',
  )
  parser.add_argument(
    '--siamese',
    action='store_true',
    help='Show the images of a pair to the torso one after the other.',
  )
  options = parser.parse_args(argv)
  if options.episodes < 2:
    parser.error(f'--episodes={options.episodes}: give at least 2.')

  states = collect_states(options.episodes)
  rendered: Dict[int, Tuple[Frames, Frames]] = {}
  print(f'| form | {" | ".join(f"{t}, cm" for t in TARGETS)} |\n|-|-|-|-|')
  for name in options.forms:
    form = pixel_forms.FORMS[name]
    if form.image_size not in rendered:
      train, test = (
        render(s, form.image_size, options.images) for s in split(states)
      )
      rendered[form.image_size] = train, test
      if len(rendered) == 1:
        _print_line('blind', blind_errors(train, test))
    train, test = rendered[form.image_size]
    errors = probe(
      form.torso, train, test, options.updates, siamese=options.siamese
    )
    _print_line(name, errors)


def _print_line(name: str, errors: np.ndarray) -> None:
  print(f'| {name} | {" | ".join(f"{e:.2f}" for e in errors)} |', flush=True)


if __name__ == '__main__':
  main()
