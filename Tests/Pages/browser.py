"""A headless Chromium, driven by chromedriver over WebDriver (plain JSON over HTTP): no library is needed."""

import base64
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'  # by which WebDriver marks references to elements


class Driver:
    """The process chromedriver, on a port of its own."""

    def __init__(self):
        self.home = tempfile.TemporaryDirectory(prefix='holdfast-browser-')
        # Debian's start script of Chromium complains about a missing home. Profiles must be removed with the tests.
        # A port that is free now may be taken when it listens.
        for _ in range(3):
            if self._start():
                return
        raise RuntimeError(f'chromedriver did not start: {self.words}')

    def _start(self):
        self.process = subprocess.Popen(
            ['chromedriver', '--port=0'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, 'HOME': self.home.name, 'TMPDIR': self.home.name})
        self.words = ''
        for line in self.process.stdout:
            self.words += line
            if port := re.search(r'started successfully on port (\d+)', line):
                self.url = f'http://127.0.0.1:{port[1]}'
                return True
        self.process.wait()
        return False

    def close(self):
        self.process.terminate()
        self.process.communicate(timeout=120)
        self.home.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Browser:
    """One window with its own profile."""

    def __init__(self, driver, script=True):
        self.session = ''
        self.driver = driver
        arguments = ['--headless=new', '--hide-scrollbars', '--force-device-scale-factor=1', '--disable-dev-shm-usage']
        if os.geteuid() == 0:
            arguments.append('--no-sandbox')  # Chromium's sandbox refuses to run as root
        options = {'args': arguments}
        if not script:
            options['prefs'] = {'profile.managed_default_content_settings.javascript': 2}
        wanted = {
            'browserName': 'chrome', 'goog:chromeOptions': options, 'goog:loggingPrefs': {'browser': 'ALL'}}
        session = self._call('POST', '/session', {'capabilities': {'alwaysMatch': wanted}})
        self.session = '/session/' + session['sessionId']

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call('DELETE', '')

    def _call(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == 'POST' else None
        request = urllib.request.Request(
            self.driver.url + self.session + path, data, {'Content-Type': 'application/json'}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {json.load(error)['value']['message']}") from None

    def devtools(self, command, **parameters):
        return self._call('POST', '/goog/cdp/execute', {'cmd': command, 'params': parameters})

    # --- How it is looked at

    def look(self, width, scheme='light', height=900):
        self.devtools(
            'Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.devtools(
            'Emulation.setEmulatedMedia', media='', features=[{'name': 'prefers-color-scheme', 'value': scheme}])

    def print_look(self):
        self.devtools('Emulation.setEmulatedMedia', media='print', features=[])

    def settle(self, width, scheme):
        """Waits until the page has the wanted width and color scheme, and nothing moves any more."""
        eventually(f'{width} px, {scheme}', lambda: self.js('''
            return innerWidth === arguments[0] && matchMedia(`(prefers-color-scheme: ${arguments[1]})`).matches
                && document.getAnimations().every(animation => animation.playState !== "running")''', width, scheme))

    def screenshot(self, file):
        """The page in its full length."""
        size = self.devtools('Page.getLayoutMetrics')['cssContentSize']
        picture = self.devtools('Page.captureScreenshot', captureBeyondViewport=True, clip={
            'x': 0, 'y': 0, 'width': size['width'], 'height': min(size['height'], 8000), 'scale': 1})
        Path(file).write_bytes(base64.b64decode(picture['data']))

    # --- What is done

    def open(self, url):
        self._call('POST', '/url', {'url': url})

    def js(self, script, *arguments):
        """Runs the body of a function in the page."""
        return self._call('POST', '/execute/sync', {'script': script, 'args': list(arguments)})

    def find(self, selector):
        return self._call('POST', '/element', {'using': 'css selector', 'value': selector})[ELEMENT]

    def click(self, selector):
        self._act(selector, 'click', {})

    def type(self, selector, text):
        self._act(selector, 'value', {'text': text})

    def _act(self, selector, action, body):
        """Finds the part again before each try. Between finding and using it, a picture may come or the page may
        reload, and then the part is another one."""
        def is_done():
            try:
                self._call('POST', f'/element/{self.find(selector)}/{action}', body)
                return True
            except RuntimeError as error:
                if not re.search('stale element|no such element|not interactable|node with given id', str(error)):
                    raise
                return False
        eventually(f'{action} {selector}', is_done)

    def press(self, key):
        """Presses a key at the current focus."""
        self._call('POST', '/actions', {'actions': [{'type': 'key', 'id': 'keys', 'actions': [
            {'type': 'keyDown', 'value': key}, {'type': 'keyUp', 'value': key}]}]})

    # --- What is seen

    @property
    def title(self):
        return self._call('GET', '/title')

    def text(self, selector='body'):
        """The text that a person sees there. '' if the part is missing or hidden."""
        return self.js('''
            const part = document.querySelector(arguments[0])
            return part?.checkVisibility() ? part.innerText : ""''', selector)

    @property
    def location(self):
        return self._call('GET', '/url')

    def find_value(self, selector):
        """The value of a field."""
        return self._call('GET', f'/element/{self.find(selector)}/property/value')

    def complaints(self):
        """The console messages since the last call: script errors, refused resources, and violations of the
        Content-Security-Policy."""
        entries = self._call('POST', '/se/log', {'type': 'browser'})
        return [f"{entry['level']}: {entry['message']}" for entry in entries if entry['level'] in ('SEVERE', 'WARNING')]


def eventually(what, condition, within=90):
    """Waits until the condition holds, and returns its value."""
    end = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f'never came true: {what}')
        time.sleep(0.1)
    return value
