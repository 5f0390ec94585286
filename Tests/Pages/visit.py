"""One check of the operator page in a browser, and what all scenes share."""

import re
import subprocess
import sys
from pathlib import Path

from browser import Browser, eventually

AUDIT = (Path(__file__).parent / 'audit.js').read_text()
LOOKS = [(1280, 'light'), (1280, 'dark'), (320, 'light'), (320, 'dark')]


class Visit:
    """One check of the page of one cluster."""

    def __init__(self, driver, options, url=None, script=True):
        self.url = (url or options.url).rstrip('/')
        self.options = options
        self.browser = Browser(driver, script)
        self.script = script

    def __enter__(self):
        self.browser.look(1280)
        self.browser.open(self.url + '/')
        if self.script:
            eventually('the page is live', lambda: self.text('#live').startswith('Live'))
        return self

    def __exit__(self, failure, *_):
        if failure:
            print('The page said:\n' + self.text(), file=sys.stderr)
            self.shot('failed')
        self.browser.__exit__()

    def text(self, selector='body'):
        return self.browser.text(selector)

    def shot(self, name):
        self.options.shots.mkdir(parents=True, exist_ok=True)
        self.browser.screenshot(self.options.shots / f'{self.options.scene}-{name}.png')

    def bring_about(self, is_so):
        """Runs the command while the page is open, and waits until the page shows the change. No reload is allowed."""
        if not self.options.do:
            return eventually('the state that was asked for', is_so)
        self.browser.js('window.isStillThisPage = true')
        subprocess.run(self.options.do, shell=True, check=True)
        eventually('the change shows', is_so)
        expect('the page was not reloaded', self.browser.js('return window.isStillThisPage === true'))

    def node(self, name):
        """What a person sees of a node: its row (or card) without closed details."""
        return self.text('#' + css(f'n-{name}'))

    def wait_for_pictures(self):
        """Until a few more have come."""
        taken = 'return Number(picture.dataset.now)'
        before = self.browser.js(taken)
        eventually('pictures go on coming', lambda: self.browser.js(taken) > before + 2500)

    def audit(self):
        """In every look: all can be read, nothing sticks out, the console has nothing to tell."""
        for width, scheme in LOOKS:
            self.browser.look(width, scheme)
            self.browser.settle(width, scheme)
            expect_equal(f'faults at {width} px, {scheme}', self.browser.js(AUDIT), [])
            self.shot(f'{width}-{scheme}')
        self.browser.look(1280)
        self.check_console()

    def check_console(self):
        expect_equal('complaints of the console', self.browser.complaints(), [])


def css(identifier):
    return re.sub(r'([^a-zA-Z0-9_-])', r'\\\1', identifier)


def expect(what, holds):
    if not holds:
        raise AssertionError(f'not so: {what}')


def expect_equal(what, found, expected):
    if found != expected:
        raise AssertionError(f'{what}: expected {expected!r}, found {found!r}')


def printed(visit):
    visit.browser.print_look()
    eventually('the paper is white', lambda: visit.browser.js(
        'return getComputedStyle(document.body).backgroundColor') == 'rgb(255, 255, 255)')
    visit.shot('print')
    expect_equal('buttons on paper', visit.browser.js(
        'return [...document.querySelectorAll("button, .filters")].filter(b => b.checkVisibility()).length'), 0)
    visit.browser.look(1280)
