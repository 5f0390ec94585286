"""Measures Holdfast on this machine."""

import argparse
import json
import os
import signal
import sys
from datetime import datetime, timezone
from pathlib import Path

import failover
import health
import reserve
import store
import sweep
from machine import commit, described
from processes import HERE, BenchFailed

RESULTS = HERE / "results"
SUBJECTS = {"reserve": reserve, "failover": failover, "sweep": sweep, "health": health,
            "store": store}


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    subjects = parser.add_subparsers(dest="subject", metavar="subject", required=True)
    for name, subject in SUBJECTS.items():
        about = subject.__doc__.strip()
        options = subjects.add_parser(name, help=about, description=about)
        options.add_argument("--json", action="store_true", help="print JSON instead of tables")
        options.add_argument("--port", type=int, default=7850, help="the first free ports from here on are used")
        subject.add_options(options)
    return parser.parse_args(arguments)


def keep(subject, result):
    """Writes the figures to a file of their own, with what they were measured on and of. Returns its name."""
    now = datetime.now(timezone.utc)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{subject}-{now:%Y%m%d-%H%M%S}-{commit()}.json"
    file.write_text(json.dumps({"at": now.isoformat(timespec="seconds"), "commit": commit(), "machine": described(),
                                **result}, indent=2) + "\n")
    return file


def main():
    options = parse(sys.argv[1:])
    # A shell starts background jobs with SIGINT ignored. The bench must clean up in that case too.
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    state = Path(os.environ.get("HOLDFAST_STATE_DIR") or HERE.parent / ".cluster")
    try:
        report = SUBJECTS[options.subject].measure(options, os.environ["HOLDFAST_NODE_BINARY"], state)
    except BenchFailed as failure:
        sys.exit(f"bench: {failure}")
    result = report.as_json()
    print(json.dumps(result, indent=2) if options.json else report.as_text())
    print(f"kept in {keep(options.subject, result)}", file=sys.stderr)
    sys.exit(1 if report.failures else 0)


if __name__ == "__main__":
    main()
