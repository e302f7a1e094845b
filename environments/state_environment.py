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
"""A composer environment whose full state can be read and set."""

from concurrent import futures
import contextlib
import functools
import threading
import time
from typing import (
  Any,
  Callable,
  Dict,
  Iterator,
  Optional,
  Set,
  Tuple,
  Union,
)
import weakref

from dm_control import _render
from dm_control import composer
from dm_control import mjcf
from dm_control._render import base as render_base
from dm_control._render import executor
from dm_control.mujoco import engine
from dm_control.mujoco import wrapper
import dm_env
import mujoco
import numpy as np

# Everything that mj_step depends on, warm start included: replays are exact.
STATE_SIGNATURE = int(mujoco.mjtState.mjSTATE_INTEGRATION)


# Never collected: a pool's thread ends with it, and a context in the same garbage
# would wait for the thread for ever. Pools are used again, so that there are few.
_POOLS: Set[futures.Executor] = set()


class _RenderExecutor(executor.OffloadingRenderExecutor):
  """dm_control's executor, whose contexts may be freed at any time."""

  def __init__(self) -> None:
    super().__init__()
    _POOLS.add(self._executor)

  def terminate(
    self, cleanup_callable: Optional[Callable[[], None]] = None
  ) -> None:
    """Frees what is drawn with, unless Python ends and its threads are gone."""
    if threading.main_thread().is_alive():
      super().terminate(cleanup_callable)
    else:
      self._terminated = True


class RenderError(RuntimeError):
  """No picture can be drawn on this machine; the message says why."""


@contextlib.contextmanager
def _drawing() -> Iterator[None]:
  """Turns what MuJoCo and dm_control raise without OpenGL into a RenderError."""
  try:
    yield
  except (mujoco.FatalError, RuntimeError) as error:
    if 'OpenGL' not in str(error):
      raise
    raise RenderError(
      f'No picture can be drawn here ({error}); set MUJOCO_GL to egl or osmesa, '
      'or see what is missing with `make doctor`.'
    ) from error


@functools.cache
def _render_thread() -> Any:
  """Returns dm_control's renderer with a thread of its own, as a class.

  It is made once something is drawn: without a backend there is nothing to make
  it of, and an environment without pictures needs none.
  """
  if not isinstance(_render.Renderer, type):
    return _render.Renderer  # It raises an error that says so.

  class _RenderThread(_render.Renderer):
    """dm_control's renderer with a thread of its own.

    A GL context belongs to the thread that uses it first. dm_control's contexts
    for machines without a display stay in the caller's, so that an environment
    that was made in one thread could not draw in another.
    """

    def __init__(self, max_width: int, max_height: int):
      """Makes the context in its thread; see dm_control's `ContextBase`.

      Args:
        max_width: largest width of a picture, in pixels.
        max_height: largest height of a picture, in pixels.
      """
      self._context = None
      # Not the class between, which fixes the executor.
      render_base.ContextBase.__init__(
        self, max_width, max_height, _RenderExecutor
      )

  return _RenderThread


def _draw_in_own_thread(physics: mjcf.Physics) -> None:
  """Has a physics draw in a thread of its own, whichever thread asks for it."""

  def make_contexts() -> None:
    quality = physics.model.vis.global_
    with _drawing():
      context = _render_thread()(quality.offwidth, quality.offheight)
      physics._contexts = engine.Contexts(
        gl=context, mujoco=wrapper.MjrContext(physics.model, context)
      )

  # Composer has drawn already, to see what is observed.
  if physics._contexts:
    physics._free_rendering_contexts()
  physics._make_rendering_contexts = make_contexts


class _KeptCameras:
  """Draws as `physics.render` does, but keeps the cameras.

  dm_control makes a camera and its scene for each picture, which takes longer than
  to draw a small one.
  """

  def __init__(self, physics: mjcf.Physics):
    """Initializes it for a physics whose `render` it then takes the place of.

    Args:
      physics: what is drawn.
    """
    # The physics has what draws it, and would never be freed with it.
    self._physics = weakref.proxy(physics)
    self._cameras: Dict[Tuple[int, int, Any], engine.Camera] = {}

  def render(
    self,
    height: int = 240,
    width: int = 320,
    camera_id: Union[int, str] = -1,
    scene_callback: Any = None,
    **options: Any,
  ) -> np.ndarray:
    """Returns a picture; see dm_control's `Physics.render`."""
    if scene_callback is not None:
      return mjcf.Physics.render(
        self._physics,
        height,
        width,
        camera_id,
        scene_callback=scene_callback,
        **options,
      )
    key = (height, width, camera_id)
    if key not in self._cameras:
      self._cameras[key] = engine.Camera(self._physics, *key)
    # The camera's own buffer, which the next picture goes to.
    return self._cameras[key].render(**options).copy()


class StateEnvironment(composer.Environment):
  """A composer environment that can start at any state.

  The physics advances by a whole control step in one call, and an episode can
  start at a stored state without composer's reset, which costs more than an
  episode that is terminated early.

  Args:
    task: a task with `num_physics_steps`, the number of MuJoCo steps in a
      control step. Its `physics_steps_per_control_step` is one, so that
      composer's hooks run once a control step.
    **kwargs: further arguments of `composer.Environment`.

  Raises:
    RenderError: if it observes pictures, and none can be drawn.
  """

  def __init__(self, task: composer.Task, **kwargs: Any):
    with _drawing():  # Composer draws once if there are pictures.
      super().__init__(task, **kwargs)
    # Composer compiles again at the first reset; nothing has changed by then.
    self._mjcf_never_compiled = False
    self._num_divergences = 0
    _draw_in_own_thread(self._physics)
    self._physics.render = _KeptCameras(self._physics).render
    self._render_seconds = 0.0
    self._measure_rendering()

  @property
  def num_divergences(self) -> int:
    """Number of episodes so far that ended because the physics diverged."""
    return self._num_divergences

  @property
  def render_seconds(self) -> float:
    """Seconds that drawing has taken so far."""
    return self._render_seconds

  def _measure_rendering(self) -> None:
    """Has the physics count the time of each picture."""
    render = self._physics.render

    @functools.wraps(render)
    def measured(*args: Any, **kwargs: Any) -> np.ndarray:
      began = time.perf_counter()
      try:
        return render(*args, **kwargs)
      finally:
        self._render_seconds += time.perf_counter() - began

    self._physics.render = measured

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode as the task initializes it."""
    super().reset()
    # Derived quantities are then the same as in a replay from this state.
    return self.reset_to(self.get_state())

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    """Advances by a control step.

    If the physics diverges, the episode ends with reward and discount 0.

    Args:
      action: an action as `action_spec` describes it.

    Returns:
      The next time step; the first one of an episode after the last one.
    """
    timestep = super().step(action)
    if timestep.first():
      return timestep
    # The task itself never ends an episode with a discount of 0.
    self._num_divergences += int(timestep.discount == 0.0)
    # Composer gives Python's floats, against the spec, after a divergence.
    return timestep._replace(
      reward=np.float32(timestep.reward), discount=np.float32(timestep.discount)
    )

  def _substep(self, action: np.ndarray) -> None:
    self._physics.step(self._task.num_physics_steps)

  def get_state(self) -> np.ndarray:
    """Returns the full physics state, float64 [S], see `STATE_SIGNATURE`."""
    return self._physics.get_state(STATE_SIGNATURE)

  def reset_to(
    self, state: np.ndarray, restart_clock: bool = False
  ) -> dm_env.TimeStep:
    """Starts an episode at a stored state.

    Args:
      state: full physics state of the same model, as `get_state` returned it,
        float64 [S].
      restart_clock: whether the episode has its full length from here on;
        otherwise it ends when the one that the state was stored in would have.

    Returns:
      The first time step of the episode.

    Raises:
      ValueError: if the state has another size, or numbers that are not finite
        or so large that MuJoCo would go to its default pose instead.
    """
    state = np.asarray(state, np.float64)
    size = mujoco.mj_stateSize(self._physics.model.ptr, STATE_SIGNATURE)
    if state.shape != (size,):
      raise ValueError(
        f'The state has shape {state.shape} but this model needs ({size},); '
        'it was recorded with another model.'
      )
    usable = np.abs(state) <= mujoco.mjMAXVAL
    if not np.all(usable):
      raise ValueError(
        f'The state has {np.sum(~usable)} numbers that are not finite or beyond '
        f'{mujoco.mjMAXVAL:g}; leave its demonstration out.'
      )
    self._physics.set_state(state, STATE_SIGNATURE)
    if restart_clock:
      self._physics.data.time = 0.0
    # Not mj_forward: the step that was stored ended with mj_step1, too.
    mujoco.mj_step1(self._physics.model.ptr, self._physics.data.ptr)
    self._observation_updater.reset(self._physics_proxy, self._random_state)
    self._reset_next_step = False
    return dm_env.restart(self._observation_updater.get_observation())
