"""Faults of the master, and their repair."""

import random
from dataclasses import dataclass
from typing import Callable


@dataclass
class Fault:
    """`strike` and `mend` take the stage, the master at the time of the fault, and the next master."""

    name: str
    label: str
    strike: Callable
    mend: Callable
    # How long it lasts after a Sentinel has named the new master, or after the fault if there is no new master.
    seconds: float = 1
    has_successor: bool = True
    # Whether proxies are needed. Without them nothing is slowed down.
    needs_doors: bool = False
    # Whether the first node is cut off together with the master.
    takes_node: bool = False
    # Whether it befalls a master of a Redis Cluster. Otherwise the master is one under Sentinels.
    is_of_cluster: bool = False


def cut_nodes(stage, master):
    for member in stage.members:
        member.cut_from(master)


def split(stage, master):
    """The master and a node are on one side, and all others on the other. Shoppers of both sides continue."""
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
    """An operator's command needs no repair."""


FAULTS = [
    Fault("kill", "kill -9", lambda _, master: master.kill(), lambda _, master, successor: master.start(successor)),
    Fault("stop", "SIGSTOP, then CONT", lambda _, master: master.stop(), lambda _, master, __: master.resume()),
    Fault("failover", "SENTINEL FAILOVER", lambda stage, _: random.choice(stage.group.sentinels).fail_over(), leave_it),
    Fault("cut", "nodes' links cut for 2 s", cut_nodes, heal, seconds=2, has_successor=False,
          needs_doors=True),
    Fault("cluster-kill", "Cluster: kill -9", lambda _, master: master.kill(),
          lambda _, master, successor: master.start(successor), is_of_cluster=True),
    Fault("cluster-stop", "Cluster: SIGSTOP, then CONT", lambda _, master: master.stop(),
          lambda _, master, __: master.resume(), is_of_cluster=True),
    Fault("cluster-failover", "CLUSTER FAILOVER", lambda stage, master: stage.group.fail_over(master), leave_it,
          is_of_cluster=True),
    Fault("split", "split", split, heal, seconds=5, needs_doors=True, takes_node=True),
]
