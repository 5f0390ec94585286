"""How soon the operator page shows a fault of a node or of the coordinator itself."""

import random
import signal
import sys
import time
from dataclasses import dataclass
from typing import Callable

from coordinator import epoch_milliseconds
from lease import await_lease
from page import Page
from processes import BenchFailed
from redis_script import Redis

# Faults must fall into random phases of the probes, which are this far apart.
PROBE_SECONDS = 1
PAUSE_SECONDS = 10
# False verdicts would come within this time after the coordinator runs again.
AFTERMATH_SECONDS = 5
DOWN, SUSPECT = "DOWN", "SUSPECT"


def is_down(picture, node):
    return picture.states.get(node) == "down"


def is_cut_off(picture, node):
    return any(text.startswith(f"{node} answers, but cannot reach Redis") for text in picture.problems)


def is_whole(picture):
    """All nodes are UP and reach Redis, and one leads."""
    states = picture.states
    return (set(states.values()) == {"up"} and picture.leader is not None
            and not any(is_cut_off(picture, node) for node in states))


def now():
    return time.time() * 1_000


@dataclass
class Fault:
    """A fault of the leader, what the page must show about it, and its repair."""

    name: str
    label: str
    told: str
    strike: Callable
    mend: Callable
    is_told: Callable


FAULTS = [
    Fault("kill", "kill -9, then a new start", DOWN, lambda node: node.process.kill(), lambda node: node.restart(),
          is_down),
    Fault("stop", "SIGSTOP, then CONT", DOWN, lambda node: node.process.send_signal(signal.SIGSTOP),
          lambda node: node.process.send_signal(signal.SIGCONT), is_down),
    Fault("cut", "Redis link cut", "cannot reach Redis", lambda node: node.proxy.obey("cut"),
          lambda node: node.proxy.obey("heal"), is_cut_off),
    Fault("silence", "Redis link silent", "cannot reach Redis", lambda node: node.proxy.obey("silence"),
          lambda node: node.proxy.obey("heal"), is_cut_off),
]


class FaultBench:
    def __init__(self, stage, samples):
        self.stage, self.samples, self.coordinator = stage, samples, stage.coordinator
        self.redis = Redis(stage.redis_port, stage.redis.pid)

    def detection(self, fault, runs):
        self._repeat(("detection", fault.name), runs, lambda: self._run(fault),
                     f"{fault.label}: {fault.told} after {{toldMs:.0f}} ms, new leader after {{leaderMs:.0f}} ms, "
                     "well again after {wellMs:.0f} ms")

    def pause(self, runs):
        self._repeat(("pause", "pause"), runs, self._pause,
                     "coordinator paused: current after {currentMs:.0f} ms, {falseSuspect} SUSPECT, {falseDown} DOWN")

    def restart(self, runs):
        for fault in FAULTS[:2]:
            self._repeat(("restart", fault.name), runs, lambda: self._restart(fault),
                         "coordinator restarted: serves after {servesMs:.0f} ms, all judged after {judgedMs:.0f} ms")

    def _repeat(self, row, runs, act, form):
        for number in range(runs):
            sample = self.samples.measure(row, act)
            text = form.format(**sample) if sample else f"FAILED: {self.samples.failures[row]}"
            print(f"{' '.join(row)}, run {number + 1} of {runs}: {text}", file=sys.stderr, flush=True)
            if not sample:
                break

    def _run(self, fault):
        # Makes it forget earlier failures, because a node that flaps takes longer to rise.
        self.coordinator.restart()
        with Page(self.coordinator) as page:
            before = self._settle(page)
            leader = self._member(before.node)
            began = now()
            fault.strike(leader)
            try:
                told = page.first(began, fault.told, lambda picture: fault.is_told(picture, leader.name))
                elected = page.first(began, "a new leader", lambda picture: picture.leader not in (None, leader.name))
                after = await_lease(self.redis, after=before)
            finally:
                mended = now()
                fault.mend(leader)
            well = page.first(mended, "all is well again", is_whole)
        of_it, of_others = self._falls(began, leader.name)
        return {"toldMs": told.at - began, "leaderMs": elected.at - began,
                "leaderDelayMs": elected.at - after.acquired_at, "wellMs": well.at - mended,
                "falseDown": of_others.count(DOWN) + (0 if fault.told == DOWN else of_it.count(DOWN)),
                "falseSuspect": of_others.count(SUSPECT) + (0 if fault.told == DOWN else of_it.count(SUSPECT))}

    def _pause(self):
        """The coordinator stands still for some time, like a suspended machine, while the nodes are healthy."""
        self.coordinator.restart()
        with Page(self.coordinator) as page:
            self._settle(page)
            self.coordinator.process.send_signal(signal.SIGSTOP)
            time.sleep(PAUSE_SECONDS)
            resumed = now()
            self.coordinator.process.send_signal(signal.SIGCONT)
            self.coordinator.await_view("every node is probed anew", lambda view: self._is_current(view, resumed))
            current = now()
            time.sleep(AFTERMATH_SECONDS)
        falls = self._falls(resumed)[1]
        return {"currentMs": current - resumed, "falseDown": falls.count(DOWN), "falseSuspect": falls.count(SUSPECT)}

    def _is_current(self, view, since):
        """Whether each node has answered a probe that ended after an instant."""
        taken = epoch_milliseconds(view["at"])
        return all(node["state"] == "UP" and node["probe"].get("lastMs") is not None
                   and taken - node["probe"]["lastAgoMs"] >= since for node in view["nodes"])

    def _restart(self, fault):
        """The coordinator is killed and started again while one node is dead, or stopped."""
        self.coordinator.restart()
        with Page(self.coordinator) as page:
            self._settle(page)
            victim = random.choice(self.stage.members)
            struck = now()
            fault.strike(victim)
            try:
                page.first(struck, DOWN, lambda picture: is_down(picture, victim.name))
                self.coordinator.kill()
                began = now()
                self.coordinator.start()
                judged = page.first(began, "all nodes are judged", self._is_judged)
                serves = page.first(began, "anything", lambda picture: True)
            finally:
                mended = now()
                fault.mend(victim)
            if judged.states != {member.name: "down" if member is victim else "up" for member in self.stage.members}:
                raise BenchFailed(f"{victim.name} is dead, but the page shows {judged.states}")
            page.first(mended, "all is well again", is_whole)
        return {"servesMs": serves.at - began, "judgedMs": judged.at - began}

    def _is_judged(self, picture):
        states = picture.states
        return len(states) == len(self.stage.members) and "unknown" not in states.values()

    def _settle(self, page):
        """Waits until all is well, and then until a random phase of the probes. Returns the leader."""
        page.first(0, "all is well", is_whole)
        time.sleep(random.uniform(0, PROBE_SECONDS))
        return await_lease(self.redis)

    def _member(self, name):
        return next(member for member in self.stage.members if member.name == name)

    def _falls(self, since, name=None):
        """The worse states that this node has entered, and those that other nodes have entered."""
        falls = self.coordinator.transitions(since, SUSPECT, DOWN)
        return ([fall["to"] for fall in falls if fall["subject"] == name],
                [fall["to"] for fall in falls if fall["subject"] != name])
