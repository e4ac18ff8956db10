"""What every part of the store stands on: the backend, the clock and who we are."""

import os
import socket
import uuid
from dataclasses import dataclass, field

from utils.clock import Clock
from utils.store.backend import Backend


@dataclass(frozen=True)
class Identity:
    """This process, as locks, claims and job records name it."""

    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    @property
    def owner(self) -> str:
        return f"{self.host}:{self.pid}:{self.run}"


class StoreBase:
    """The parts of `Store` share these three and nothing else."""

    def __init__(self, backend: Backend, clock: Clock, identity: Identity | None = None) -> None:
        self.backend = backend
        self.clock = clock
        self.identity = identity or Identity()
