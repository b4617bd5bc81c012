"""What relays of the chaos campaign have to live with: event loops, limits, system calls that fail."""

from __future__ import annotations

import os
import resource
import shutil
from dataclasses import dataclass
from random import Random

TRACER = shutil.which("strace")


@dataclass(frozen=True)
class Scenario:
    """What a relay has to live with. `inject` are strace's terms for calls that fail; {n} is another number at each start."""

    name: str
    loop: str = "uvloop"
    clients: int = 40
    descriptors: tuple[int, int] | None = None  # soft and hard limit
    memory: int | None = None  # bytes of address space
    inject: tuple[str, ...] = ()
    new_file: bool = False  # each start of the relay records into a new file
    thin_out: bool = False  # half of the clients leave after each kill: more would like to come than there are descriptors for

    def limit(self) -> None:
        """In the relay's process, before it runs."""
        if self.descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, self.descriptors)
        if self.memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (self.memory, self.memory))

    def tracer(self, random: Random) -> list[str]:
        if not self.inject:
            return []
        assert TRACER is not None
        number = random.randrange(50, 1000)
        terms = [argument for term in self.inject for argument in ("-e", term.format(n=number, last=number + 4))]
        return [TRACER, "-D", "-f", "--seccomp-bpf", "-o", os.devnull, *terms]


# A thread that cannot be started is a clone3 that fails; a process is a vfork, and where that fails Python tries a clone.
START_CALLS = ("trace=socketpair,vfork,clone,clone3", "inject=socketpair:error=EMFILE:when=3+3",
               "inject=vfork:error=EAGAIN:when=3+4", "inject=clone:error=EAGAIN:when=1+2",
               "inject=clone3:error=EAGAIN:when=4+3")  # fmt: skip
FILE_CALLS = ("trace=pwrite64,fdatasync,flock,ftruncate", "inject=pwrite64:error=ENOSPC:when={n}..{last}",
              "inject=fdatasync:error=EIO:when=20+3", "inject=flock:error=EINTR:when=4+5")  # fmt: skip

SCENARIOS = (
    Scenario("uvloop"),
    Scenario("asyncio", "asyncio", new_file=True),
    Scenario("low soft limit on descriptors", "uvloop", descriptors=(96, 4096)),
    Scenario("at the limit of descriptors", "asyncio", clients=80, descriptors=(160, 160), thin_out=True),
    Scenario("little memory", "uvloop", memory=700 * 2**20, new_file=True),
    Scenario("calls that start a recorder fail", "asyncio", inject=START_CALLS),
    Scenario("calls that write the file fail", "uvloop", inject=FILE_CALLS),
)
