"""What befalls the master, and how it is put right again."""

import random
from dataclasses import dataclass
from typing import Callable


@dataclass
class Fault:
    """`strike` and `mend` take the stage, the server that is the master when it strikes, and the one that follows."""

    name: str
    label: str
    strike: Callable
    mend: Callable
    # How long it lasts after a Sentinel has named the new master, or after it struck where there is none.
    seconds: float = 1
    has_successor: bool = True
    # Whether proxies must stand between. Where they need not, nothing is slower for them.
    needs_doors: bool = False
    # Whether the first node is cut off together with the master.
    takes_node: bool = False


def cut_nodes(stage, master):
    for member in stage.members:
        member.cut_from(master)


def split(stage, master):
    """On the one side the master and a node, on the other all else. Each side's shoppers go on."""
    alone, *others = stage.members
    stage.isolate(master)
    alone.lose_sentinels()
    alone.lose(*stage.group.others(master))
    for member in others:
        member.lose(master)


def heal(stage, master, _):
    stage.rejoin(master)
    for member in stage.members:
        member.find_all()


def leave_it(*_):
    """What an operator asks for needs no mending."""


FAULTS = [
    Fault("kill", "kill -9", lambda _, master: master.kill(), lambda _, master, successor: master.start(successor)),
    Fault("stop", "SIGSTOP, then CONT", lambda _, master: master.stop(), lambda _, master, __: master.resume()),
    Fault("failover", "SENTINEL FAILOVER", lambda stage, _: random.choice(stage.group.sentinels).fail_over(), leave_it),
    Fault("cut", "nodes' links cut for 2 s", cut_nodes, heal, seconds=2, has_successor=False,
          needs_doors=True),
    Fault("split", "split", split, heal, seconds=5, needs_doors=True, takes_node=True),
]
