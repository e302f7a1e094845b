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
"""Exports a dataset as episodes of steps, in RLDS's structure.

Each record of the TFRecord files is one episode, a `tf.train.Example` as
TensorFlow Datasets writes it: `steps/<name>` holds the values of all steps one
after the other, images as PNG. `features.json` says the shape and type of each
step's value, so that `read` and others need nothing else. TensorFlow Datasets
itself is not needed, nor among the pinned packages.
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
_SCHEMA = 'rlds'

Features = Mapping[str, Mapping[str, Any]]


def steps(item: demonstrations.Demonstration) -> dict[str, np.ndarray]:
  """Returns the steps of an episode, [T + 1, ...] each.

  The last step has an observation, and zeros as its action and reward, which
  say nothing. It is not terminal: demonstrations end by time.
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
  return np.concatenate((values, np.zeros_like(values[:1])))


def features(item: demonstrations.Demonstration) -> Features:
  """Returns shape, type and encoding of what each step of an episode has."""
  return {
    name: {
      'shape': list(values.shape[1:]),
      'dtype': values.dtype.name,
      'encoding': _encoding(values),
    }
    for name, values in steps(item).items()
  }


def _encoding(values: np.ndarray) -> str:
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
    dataset: stays as it is.
    folder: must not exist.
    episodes_per_file: in each but the last file.

  Returns:
    The names of the files.

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
  description = {
    'schema': _SCHEMA,
    'task': dataset.metadata.task,
    'control_timestep': dataset.metadata.control_timestep,
    'episodes': len(dataset),
    'steps': features(dataset[0]),
    'episode_metadata': ['demonstrator', 'seed', 'success'],
  }
  with open(os.path.join(folder, FEATURES_FILE), 'w') as file:
    json.dump(description, file, indent=2)
  number = -(-len(dataset) // episodes_per_file)
  files = [f'train-{i:05d}-of-{number:05d}.tfrecord' for i in range(number)]
  for index, name in enumerate(files):
    start = index * episodes_per_file
    with tf.io.TFRecordWriter(os.path.join(folder, name)) as writer:
      for item in dataset[start : start + episodes_per_file]:
        writer.write(_example(item).SerializeToString())
  return files


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
    folder: that `export` wrote.
  """
  with open(os.path.join(folder, FEATURES_FILE)) as file:
    description: Features = json.load(file)['steps']
  files = sorted(
    os.path.join(folder, name)
    for name in os.listdir(folder)
    if name.endswith('.tfrecord')
  )
  for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
    columns = tf.train.Example.FromString(record).features.feature
    yield {
      name: _decode(columns[f'steps/{name}'], about)
      for name, about in description.items()
    }


def _decode(column: tf.train.Feature, about: Mapping[str, Any]) -> np.ndarray:
  shape, dtype = (-1, *about['shape']), np.dtype(about['dtype'])
  if about['encoding'] == 'float':
    return np.array(column.float_list.value, dtype).reshape(shape)
  if about['encoding'] == 'int64':
    return np.array(column.int64_list.value).astype(dtype).reshape(shape)
  rows = column.bytes_list.value
  if about['encoding'] == 'png':
    return np.stack([np.asarray(Image.open(io.BytesIO(row))) for row in rows])
  return np.frombuffer(b''.join(rows), dtype).reshape(shape)
