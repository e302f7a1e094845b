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
"""Installs the agent, the environments and the experiments.

Versions are fixed where nothing else works together, see requirements.in. To
work on the project itself use `make`, which installs requirements.txt.
"""

import pathlib

import setuptools

_ROOT = pathlib.Path(__file__).resolve().parent

_AGENT = [
  'absl-py',
  'dm-acme==0.4.0',
  'dm-env',
  'dm-launchpad==0.5.0',
  'dm-reverb==0.7.3',
  'dm-sonnet==2.0.2',
  'dm-tree',
  'gym==0.25.2',
  'jax==0.4.13',
  'jaxlib==0.4.13',
  'numpy==1.23.5',
  'protobuf~=3.19.6',
  'setuptools<70',
  'tensorflow-cpu~=2.8.4',
  'tensorflow-probability==0.16.0',
  'trfl==1.2.0',
  'wrapt~=1.14.1',
]
_ENVIRONMENTS = ['dm-control==1.0.50', 'h5py~=3.11.0', 'mujoco==3.17.0']
_EXPERIMENTS = ['cloudpickle', 'imageio-ffmpeg', 'matplotlib', 'psutil', 'tqdm']
_RAY = ['portpicker', 'ray==2.48.0']
_WANDB = ['wandb==0.22.3']
_TESTING = ['hypothesis', 'mypy', 'packaging', 'pytest', 'pytest-xdist', 'ruff']


def _long_description() -> str:
  readme = _ROOT / 'README.md'
  return readme.read_text(encoding='utf-8') if readme.exists() else ''


setuptools.setup(
  name='acme_metamimic',
  version='0.1.0',
  description='MetaMimic, one-shot high-fidelity imitation, for Acme.',
  long_description=_long_description(),
  long_description_content_type='text/markdown',
  author='The acme_metamimic Authors',
  license='Apache License, Version 2.0',
  keywords='reinforcement-learning imitation-learning python machine learning',
  packages=setuptools.find_packages(
    include=[
      'acme_metamimic',
      'acme_metamimic.*',
      'environments',
      'environments.*',
      'experiments',
      'experiments.*',
    ]
  ),
  package_data={
    # Trained policies.
    'acme_metamimic.shipped': ['*/*.*', '*/policies/*/*', '*/policies/*/*/*'],
    # A script that experiments.operations.ray_hosts runs.
    'experiments.operations': ['hosts.sh'],
  },
  python_requires='>=3.10,<3.11',
  install_requires=_AGENT,
  extras_require={
    'environments': _ENVIRONMENTS,
    'experiments': _ENVIRONMENTS + _EXPERIMENTS,
    'ray': _ENVIRONMENTS + _EXPERIMENTS + _RAY,
    'wandb': _ENVIRONMENTS + _EXPERIMENTS + _WANDB,
    'testing': _ENVIRONMENTS + _EXPERIMENTS + _RAY + _WANDB + _TESTING,
  },
  classifiers=[
    'Development Status :: 3 - Alpha',
    'Intended Audience :: Science/Research',
    'License :: OSI Approved :: Apache Software License',
    'Operating System :: POSIX :: Linux',
    'Programming Language :: Python :: 3.10',
    'Topic :: Scientific/Engineering :: Artificial Intelligence',
  ],
)
