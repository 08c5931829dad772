"""A crew of actors on an existing Ray cluster: units go out, results come back here, where they are written.

Ray itself starts a lost actor again and sends its unit once more; each unit comes back once. Ray is an
optional package, imported only where an engine of its kind is asked for.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from explorer.errors import ExplorerError
from explorer.run import Run
from explorer.settings import check_engine

INSTALL = 'pip install "ray[client]==2.60.0"'
AGAIN = 3  # times that a lost actor, and a lost unit, is tried again
WAIT_S = 0.1
KNOCKS, KNOCK_S = 4, 2.0  # Ray may give a new client the port of one that has not quite left, and its server ends


def connect(address: str) -> Any:
    """The ray module, connected to the cluster; ExplorerError without Ray, or when nothing answers there."""
    check_engine(address)
    try:
        import ray
    except ImportError as error:
        raise ExplorerError("worker.crew_engine_needs_ray", address=address, install=INSTALL) from error
    if not ray.is_initialized():
        try:
            _knock(ray, address)
        except Exception as error:  # Ray raises its own, gRPC's and Python's kinds
            reason = " ".join(str(error).split())[:160]
            raise ExplorerError("worker.crew_no_ray_cluster", address=address, reason=reason) from error
    return ray


def _knock(ray: Any, address: str) -> None:
    """Connects; tries again where the cluster answered and then broke off."""
    for left in reversed(range(KNOCKS)):
        try:
            ray.init(address, log_to_driver=False)
            return
        except ConnectionAbortedError:
            if not left:
                raise
            time.sleep(KNOCK_S)


class Crew:
    """Warm actors of one kind, one a graphics card, or one a processor core where there are no cards."""

    def __init__(self, address: str, kind: type, *args: Any, size: int = 0) -> None:
        """Starts the actors (`size` 0: as many as there is room for) and does not wait for them."""
        self.address, self.kind, self.args, self.size = address, kind, args, size
        self.actors: dict[int, Any] = {}
        self.processes: dict[int, int] = {}  # of the actors that are ready: number -> process id
        self._start()

    def _start(self) -> None:
        """Connects, and starts actors where none is left."""
        self.ray = connect(self.address)
        room = self.ray.cluster_resources()
        cards = int(room.get("GPU", 0))
        options = {"num_gpus": 1} if cards else {"num_cpus": 1}
        count = self.size or cards or max(1, int(room.get("CPU", 1)))
        made = self.ray.remote(self.kind).options(max_restarts=AGAIN, max_task_retries=AGAIN, **options)
        self.actors = {number: made.remote(*self.args) for number in range(count)}

    def run(self, units: Iterable[Any], on_made: Callable[[Any, Any], Any], *, run: Run) -> None:
        """Each unit with what came of it, part by part, to `on_made`, in the order in which they end.

        A unit is taken from `units` only when an actor is free. The unit of an actor that is lost for good goes
        to another one. `run` ticks while none ends. ExplorerError from a node as it is; one more when no actor
        is left.
        """
        if not self.actors or not self.ray.is_initialized():
            self._start()
        shift = _Shift(iter(units))
        for number, actor in self.actors.items():
            shift.under_way[actor.process.remote()] = (number, None)
        while shift.under_way:
            ready, _ = self.ray.wait(list(shift.under_way), timeout=WAIT_S)
            for reference in ready:
                number, unit = shift.under_way.pop(reference)
                try:
                    result = self._result(reference)
                except _LostError as error:
                    self._without(number, error)
                    shift.again += [unit] if unit is not None else []
                    continue
                shift.free.append(number)
                if unit is None:
                    self.processes[number] = result
                else:
                    for part in result:
                        on_made(unit, part)
            if not ready:
                run.tick()
            while shift.free and (unit := shift.next()) is not None:
                number = shift.free.pop()
                shift.under_way[self.actors[number].do.remote(unit)] = (number, unit)

    def _result(self, reference: Any) -> Any:
        try:
            return self.ray.get(reference)
        except ConnectionError as error:
            raise ExplorerError("worker.crew_connection_cluster_lost") from error
        except self.ray.exceptions.RayTaskError as error:
            raise getattr(error, "cause", None) or error from error
        except self.ray.exceptions.RayActorError as error:
            refused = _refusal(error)
            raise (ExplorerError(refused) if refused else _LostError) from error

    def _without(self, number: int, error: Exception) -> None:
        del self.actors[number]
        self.processes.pop(number, None)
        if not self.actors:
            raise ExplorerError("worker.crew_cluster_lost_every") from error


class _LostError(Exception):
    """An actor is gone, and Ray does not start it again."""


@dataclass
class _Shift:
    """Units of one run: still to come, to be done again, and under way by reference."""

    waiting: Iterator[Any]
    under_way: dict[Any, tuple[int, Any]] = field(default_factory=dict)
    again: list[Any] = field(default_factory=list)
    free: list[int] = field(default_factory=list)

    def next(self) -> Any | None:
        return self.again.pop() if self.again else next(self.waiting, None)


def _refusal(error: Exception) -> str:
    """Our own sentence out of the report of an actor that could not be made; "" if there is none."""
    found = re.search(r"ExplorerError: (.+)", str(error))
    return found.group(1).strip() if found else ""
