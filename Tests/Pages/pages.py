#!/usr/bin/env python3
"""Looks at the operator page in a real browser, as a person would.

    pages.py URL SCENE [--node NAME] [--do COMMAND] [--token-file FILE] [--shots DIRECTORY]

Each scene says what is to be seen when the cluster behind URL is in a certain state. `--do` is a shell command that
brings it into that state, and is run while the page is open: what changes must show without a reload. Without it the
cluster is in that state already. Needs chromium and chromium-driver (Debian's), and nothing else.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

from browser import Driver
from operator_scenes import damaged, last_node, operator, sub_path
from state_scenes import connection, first_words, hostile, just_started, leader_changed, node_down, sixty_nodes
from well_scenes import all_up

SCENES = {
    'all-up': all_up, 'node-down': node_down, 'leader-changed': leader_changed, 'just-started': just_started,
    'redis-down': first_words, 'store-damaged': damaged, 'node-gone': last_node, 'sub-path': sub_path,
    'hostile': hostile, 'sixty-nodes': sixty_nodes, 'operator': operator, 'connection': connection,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('url')
    parser.add_argument('scene', choices=SCENES)
    parser.add_argument('--node', default='node-2', help='the node that is down, or is to drain (node-2)')
    parser.add_argument('--do', help='shell command that brings the scene about while the page is open')
    parser.add_argument('--token-file', type=Path, help='file of the admin token, bare or as name:token')
    parser.add_argument('--shots', type=Path, default=Path('.build/screenshots'), help='directory of screenshots')
    options = parser.parse_args()
    began = time.monotonic()
    with Driver() as driver:
        SCENES[options.scene](driver, options)
    print(f'{options.scene}: as it should be ({time.monotonic() - began:.1f} s)')


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the browser ends too
    main()
