"""Base of every part of the store: the backend, the clock and the identity of this process."""

import os
import socket
import uuid
from dataclasses import dataclass, field

from utils.clock import Clock
from utils.store.backend import Backend


@dataclass(frozen=True)
class Identity:
    """Name of this process in locks, claims and job records."""

    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    @property
    def owner(self) -> str:
        return f"{self.host}:{self.pid}:{self.run}"


@dataclass(eq=False)
class StorePart:
    """Part of a `Store` about one subject, such as its sessions or its locks."""

    backend: Backend
    clock: Clock
    identity: Identity
