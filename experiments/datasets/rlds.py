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
"""Exports a dataset as TFRecord files of episodes, in RLDS's step structure.

Each record of the TFRecord files is one episode, a `tf.train.Example` as
TensorFlow Datasets writes it: `steps/<name>` holds the values of all steps one
after the other, images as PNG, doubles as bytes. `features.json` and
`dataset_info.json` are the files that `tfds.builder_from_directory` reads.
TensorFlow Datasets itself is neither needed nor among the pinned packages.
"""

import io
import json
import os
import shutil
from typing import Any, Iterator, Mapping

import numpy as np
from PIL import Image
import tensorflow as tf

from environments import demonstrations

FEATURES_FILE = 'features.json'
INFO_FILE = 'dataset_info.json'
_VERSION = '1.0.0'
_SPLIT = 'train'
_CLASSES = 'tensorflow_datasets.core.features.'

Features = Mapping[str, Any]


def steps(item: demonstrations.Demonstration) -> dict[str, np.ndarray]:
  """Returns the steps of an episode in RLDS's structure.

  The last step has an observation, and zeros as its action and reward, which
  have no meaning. It is not terminal: demonstrations end by time.

  Args:
    item: demonstration that is exported.

  Returns:
    Arrays [T + 1, ...] by name.
  """
  number = len(item) + 1
  index = np.arange(number)
  return {
    **{f'observation/{k}': np.asarray(v) for k, v in item.observations.items()},
    'state': np.asarray(item.states),
    'action': _with_zeros(np.asarray(item.actions)),
    'reward': _with_zeros(np.asarray(item.rewards)),
    'discount': np.ones(number, np.float32),
    'is_first': index == 0,
    'is_last': index == number - 1,
    'is_terminal': np.zeros(number, bool),
  }


def _with_zeros(values: np.ndarray) -> np.ndarray:
  """Returns the rows with a row of zeros after them."""
  return np.concatenate((values, np.zeros_like(values[:1])))


def features(item: demonstrations.Demonstration) -> Features:
  """Returns TensorFlow Datasets' description of an episode.

  Args:
    item: a demonstration, whose names, shapes and dtypes are described.
  """
  named = {k: _describe(v) for k, v in steps(item).items()}
  prefix = 'observation/'
  observation = {
    k.removeprefix(prefix): v for k, v in named.items() if k.startswith(prefix)
  }
  step = {k: v for k, v in named.items() if not k.startswith(prefix)}
  episode = {
    'steps': {
      'pythonClassName': f'{_CLASSES}dataset_feature.Dataset',
      'sequence': {
        'feature': _dictionary(
          {**step, 'observation': _dictionary(observation)}
        ),
        'length': '-1',
      },
    },
    'episode_metadata': _dictionary(
      {
        'demonstrator': {
          'pythonClassName': f'{_CLASSES}text_feature.Text',
          'text': {},
        },
        'seed': _tensor((), 'int64'),
        'success': _tensor((), 'bool'),
      }
    ),
  }
  return {
    'type': f'{_CLASSES}features_dict.FeaturesDict',
    'proto_cls': 'tensorflow_datasets.FeaturesDict',
    'content': {'features': episode},
  }


def _dictionary(values: Features) -> Features:
  return {
    'pythonClassName': f'{_CLASSES}features_dict.FeaturesDict',
    'featuresDict': {'features': values},
  }


def _describe(values: np.ndarray) -> Features:
  encoding = _encoding(values)
  shape, dtype = values.shape[1:], values.dtype.name
  if encoding != 'png':
    return _tensor(shape, dtype, 'bytes' if encoding == 'bytes' else 'none')
  return {
    'pythonClassName': f'{_CLASSES}image_feature.Image',
    'image': {
      'shape': _shape(shape),
      'dtype': dtype,
      'encodingFormat': 'png',
    },
  }


def _tensor(
  shape: tuple[int, ...], dtype: str, encoding: str = 'none'
) -> Features:
  return {
    'pythonClassName': f'{_CLASSES}tensor_feature.Tensor',
    'tensor': {'shape': _shape(shape), 'dtype': dtype, 'encoding': encoding},
  }


def _shape(shape: tuple[int, ...]) -> Features:
  return {'dimensions': [str(size) for size in shape]}


def _encoding(values: np.ndarray) -> str:
  """Returns how rows are encoded: 'png', 'float', 'int64' or 'bytes'."""
  if values.dtype == np.uint8 and values.ndim == 4:
    return 'png'
  if values.dtype == np.float32:
    return 'float'
  # tf.train.Example has no doubles.
  return 'int64' if values.dtype.kind in 'biu' else 'bytes'


def export(
  dataset: demonstrations.Dataset, folder: str, episodes_per_file: int = 50
) -> list[str]:
  """Writes a new folder of TFRecord files, as a whole or not at all.

  Args:
    dataset: dataset that is exported; its file does not change.
    folder: path of the new folder, which must not exist.
    episodes_per_file: number of episodes in each file but the last.

  Returns:
    The names of the TFRecord files in the folder.

  Raises:
    DatasetError: if the folder exists or cannot be written.
  """
  if os.path.exists(folder):
    raise demonstrations.DatasetError(
      f'{folder} exists and is left as it is; choose another path.'
    )
  temporary = f'{os.path.abspath(folder)}.{os.getpid()}.tmp'
  try:
    os.makedirs(temporary)
    files = _write(dataset, temporary, episodes_per_file)
    os.rename(temporary, folder)
  except (OSError, tf.errors.OpError) as error:
    raise demonstrations.DatasetError(
      f'{folder} was not written ({error}); make room or choose another path.'
    ) from error
  finally:
    shutil.rmtree(temporary, ignore_errors=True)
  return files


def _write(
  dataset: demonstrations.Dataset, folder: str, episodes_per_file: int
) -> list[str]:
  number = -(-len(dataset) // episodes_per_file)
  name = dataset.metadata.task
  files = [
    f'{name}-{_SPLIT}.tfrecord-{i:05d}-of-{number:05d}' for i in range(number)
  ]
  lengths, num_bytes = [], 0
  for index, file_name in enumerate(files):
    start = index * episodes_per_file
    episodes = dataset[start : start + episodes_per_file]
    lengths.append(len(episodes))
    with tf.io.TFRecordWriter(os.path.join(folder, file_name)) as writer:
      for item in episodes:
        record = _example(item).SerializeToString()
        writer.write(record)
        num_bytes += len(record)
  _dump(features(dataset[0]), folder, FEATURES_FILE)
  _dump(_info(dataset, lengths, num_bytes), folder, INFO_FILE)
  return files


def _info(
  dataset: demonstrations.Dataset, lengths: list[int], num_bytes: int
) -> Features:
  return {
    'name': dataset.metadata.task,
    'version': _VERSION,
    'description': (
      f'Demonstrations of {dataset.metadata.task}, a step every '
      f'{dataset.metadata.control_timestep} s.'
    ),
    'fileFormat': 'tfrecord',
    'splits': [
      {
        'name': _SPLIT,
        'numBytes': str(num_bytes),
        'shardLengths': [str(length) for length in lengths],
        'filepathTemplate': '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
      }
    ],
  }


def _dump(content: Features, folder: str, name: str) -> None:
  with open(os.path.join(folder, name), 'w') as file:
    json.dump(content, file, indent=2)


def _example(item: demonstrations.Demonstration) -> tf.train.Example:
  columns = {
    f'steps/{name}': _feature(values) for name, values in steps(item).items()
  }
  for name in ('seed', 'success'):
    columns[f'episode_metadata/{name}'] = _feature(
      np.array([getattr(item, name)])
    )
  columns['episode_metadata/demonstrator'] = tf.train.Feature(
    bytes_list=tf.train.BytesList(value=[item.demonstrator.encode()])
  )
  return tf.train.Example(features=tf.train.Features(feature=columns))


def _feature(values: np.ndarray) -> tf.train.Feature:
  encoding = _encoding(values)
  if encoding == 'float':
    return tf.train.Feature(float_list=tf.train.FloatList(value=values.ravel()))
  if encoding == 'int64':
    integers = values.astype(np.int64).ravel()
    return tf.train.Feature(int64_list=tf.train.Int64List(value=integers))
  encode = _png if encoding == 'png' else np.ndarray.tobytes
  return tf.train.Feature(
    bytes_list=tf.train.BytesList(value=[encode(row) for row in values])
  )


def _png(pixels: np.ndarray) -> bytes:
  buffer = io.BytesIO()
  Image.fromarray(pixels).save(buffer, format='png')
  return buffer.getvalue()


def read(folder: str) -> Iterator[dict[str, np.ndarray]]:
  """Yields the steps of each episode of an exported folder.

  Args:
    folder: path of a folder that `export` wrote.

  Yields:
    The arrays of an episode [T + 1, ...] by name, see `steps`.
  """
  with open(os.path.join(folder, FEATURES_FILE)) as file:
    episode: Features = json.load(file)['content']['features']
  description = dict(_flatten(episode['steps']['sequence']['feature']))
  files = sorted(
    os.path.join(folder, name)
    for name in os.listdir(folder)
    if f'-{_SPLIT}.tfrecord-' in name
  )
  for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
    columns = tf.train.Example.FromString(record).features.feature
    yield {
      name: _decode(columns[f'steps/{name}'], about)
      for name, about in description.items()
    }


def _flatten(
  feature: Features, prefix: str = ''
) -> Iterator[tuple[str, Features]]:
  for name, value in feature['featuresDict']['features'].items():
    if 'featuresDict' in value:
      yield from _flatten(value, f'{prefix}{name}/')
    else:
      yield f'{prefix}{name}', value.get('tensor') or value['image']


def _decode(column: tf.train.Feature, about: Features) -> np.ndarray:
  dtype = np.dtype(about['dtype'])
  shape = (-1, *map(int, about['shape']['dimensions']))
  if 'encodingFormat' in about:
    rows = column.bytes_list.value
    return np.stack([np.asarray(Image.open(io.BytesIO(row))) for row in rows])
  if about['encoding'] == 'bytes':
    rows = column.bytes_list.value
    return np.frombuffer(b''.join(rows), dtype).reshape(shape)
  values = column.float_list.value or column.int64_list.value
  return np.array(values).astype(dtype).reshape(shape)
