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

import shutil
from unittest import mock

from experiments import run_settings


def test_a_disk_that_is_full_is_said(tmp_path):
  usage = shutil.disk_usage(tmp_path)
  for free, said in ((10, f'The disk of {tmp_path} is full'), (10**9, '')):
    with mock.patch.object(
      shutil, 'disk_usage', return_value=usage._replace(free=free)
    ):
      assert run_settings.disk_advice(str(tmp_path)).startswith(said)
      assert bool(run_settings.disk_advice(str(tmp_path))) == bool(said)


def test_a_disk_that_is_gone_is_not_called_full(tmp_path):
  assert run_settings.disk_advice(str(tmp_path / 'absent')) == ''
