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
"""Tests of D4PGfD's configuration."""

import pytest

from acme_metamimic.d4pgfd import config as fd_config
from tests.acme_metamimic.d4pg import agents


@pytest.mark.parametrize(
  'setting', [{'regression_weight': 5.0}, {'teacher': 'features_still'}]
)
def test_d4pgfd_refuses_what_it_would_leave_out(setting):
  (name,) = setting
  with pytest.raises(ValueError, match=f'{name}=.*D4PGfD has neither'):
    fd_config.D4PGfDConfig(**agents.SETTINGS, **setting)


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('demonstration_bonus', -1.0),
    ('weight_decay', -1e-3),
    ('priority_exponent', 0.0),
    ('remover', 'proportional'),
  ],
)
def test_bad_d4pgfd_config_is_refused(field, value):
  with pytest.raises(ValueError, match=f'{field}={value!r}.*use'):
    fd_config.D4PGfDConfig(**{field: value})
