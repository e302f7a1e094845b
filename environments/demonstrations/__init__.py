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
"""Demonstrations and the datasets that they are kept in.

`load` and `save` whole datasets, and `DatasetWriter` records episode by episode.
`environments.demonstrations.dataset` describes the layout of the file.
"""

from environments.demonstrations.dataset import Dataset
from environments.demonstrations.dataset import Metadata
from environments.demonstrations.demonstration import DatasetError
from environments.demonstrations.demonstration import Demonstration
from environments.demonstrations.demonstration import MaskError
from environments.demonstrations.demonstration import MIN_STEPS
from environments.demonstrations.loading import dataset_file
from environments.demonstrations.loading import FILE_NAME
from environments.demonstrations.loading import load
from environments.demonstrations.loading import save
from environments.demonstrations.writer import DatasetWriter

__all__ = [
  'Dataset',
  'DatasetError',
  'DatasetWriter',
  'Demonstration',
  'FILE_NAME',
  'MIN_STEPS',
  'MaskError',
  'Metadata',
  'dataset_file',
  'load',
  'save',
]
