"""Runs the coordinator for the bench, and reads what it shows to programs."""

import json
import os
import re
import time
import urllib.request
from datetime import datetime

from processes import BenchFailed, local_url, status_of, wait_until


class Coordinator:
    """Keeps its registry over restarts, as an installation does."""

    def __init__(self, stage, binary, port, token):
        self.url = local_url(port)
        settings = {"HOST": "127.0.0.1", "PORT": port, "CLUSTER_TOKEN": token, "ALLOWED_NETWORKS": "127.0.0.0/8",
                    "STATE_FILE": stage.directory / "registry.json"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
        self._environment = inherited | {f"HOLDFAST_{name}": str(value) for name, value in settings.items()}
        self._spawn = lambda: stage.spawn("coordinator", [binary], self._environment)

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        """Returns at once, before it listens."""
        self.process = self._spawn()

    def await_serving(self):
        wait_until("the coordinator", self.process, lambda: status_of(f"{self.url}/health/live") == 200)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.kill()
        self.start()
        self.await_serving()

    def view(self):
        """What it knows about the cluster."""
        return json.loads(self._get("/api/v1/cluster"))

    def transitions(self, since, *states):
        """Transitions of nodes to one of these states after an instant (epoch milliseconds). The newest comes first."""
        return [change for change in self.view()["transitions"]
                if change["to"] in states and epoch_milliseconds(change["at"]) >= since]

    def metrics(self):
        """The value of each series."""
        found = re.findall(r"^([^# ]\S*) (\S+)$", self._get("/metrics").decode(), re.MULTILINE)
        return {series: float(value) for series, value in found}

    def await_view(self, what, is_so, seconds=30):
        deadline = time.monotonic() + seconds
        while not is_so(view := self.view()):
            if time.monotonic() > deadline:
                raise BenchFailed(f"{what}: not so after {seconds} s; the coordinator says: {view['summary']}")
            time.sleep(0.02)
        return view

    def _get(self, path):
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
                return answer.read()
        except OSError as failure:
            raise BenchFailed(f"the coordinator does not answer {path}: {failure}") from None


def epoch_milliseconds(text):
    return datetime.fromisoformat(text).timestamp() * 1_000
