#!/usr/bin/env python3
"""Looks at the operator page in a real browser, as a person would.

    pages.py URL SCENE [--node NAME] [--do COMMAND] [--token-file FILE] [--shots DIRECTORY]

Each scene says what is to be seen when the cluster behind URL is in a certain state. `--do` is a shell command that
brings it into that state, and is run while the page is open: what changes must show without a reload. Without it the
cluster is in that state already. Needs chromium and chromium-driver (Debian's), and nothing else.
"""

import argparse
import re
import signal
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from browser import Browser, Driver, eventually
from wire import Wire

AUDIT = (Path(__file__).parent / 'audit.js').read_text()
LOOKS = [(1280, 'light'), (1280, 'dark'), (320, 'light'), (320, 'dark')]
TAB, ENTER = '\ue004', '\ue007'


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


# --- Scenes


def all_up(driver, options):
    """All is well, and that is the first thing one sees."""
    with Visit(driver, options) as visit:
        visit.bring_about(lambda: visit.browser.title == 'All well – Holdfast')
        eventually('the verdict comes first', lambda: visit.text('#headline') in visit.text('main').split('\n')[:2])

        def badges():
            return visit.browser.js('return [...document.querySelectorAll(".node td .badge")].map(b => b.innerText)')

        # In one picture: on a busy machine a node may be late now and then.
        eventually('every node is up', lambda: set(badges()) == {'✓ UP'})
        eventually('one leads', lambda: visit.browser.js('return document.querySelectorAll(".leads").length') == 1)
        eventually('the icon tells it', lambda: '/ok.svg' in visit.browser.js('return icon.href'))
        eventually('the sparklines are drawn', lambda: visit.browser.js(
            'return document.querySelectorAll(".spark").length') >= 3)
        visit.audit()
        keyboard(visit)
        reading_is_not_disturbed(visit)
        if visit.text('.operator a') == 'Log in':
            typing_is_not_disturbed(visit)
        printed(visit)
        alarms_work(visit)
    with Visit(driver, options, script=False) as visit:
        without_script(visit)


def keyboard(visit):
    """Everything can be reached and used by keys alone, and one sees where one is."""
    browser = visit.browser
    browser.open(visit.url + '/')
    browser.press(TAB)
    expect_equal('the first stop', browser.js('return document.activeElement.innerText'), 'Skip to the nodes')
    box = browser.js('const b = document.activeElement.getBoundingClientRect(); return [b.left, b.right]')
    expect(f'the link is seen when it has the focus: {box}', box[0] >= 0)
    browser.press(ENTER)
    eventually('it leads to the nodes', lambda: browser.js('return location.hash') == '#nodes')
    seen = set()
    for _ in range(60):
        browser.press(TAB)
        stop = browser.js('''
            const at = document.activeElement, style = getComputedStyle(at)
            return [at.localName, at.closest(".why") !== null, style.outlineStyle, parseFloat(style.outlineWidth)]''')
        seen.add((stop[0], stop[1]))
        if stop[0] == 'body':
            break
        expect(f'the focus shows: {stop}', stop[2] != 'none' and stop[3] >= 2)
        if stop[0] == 'summary' and stop[1]:
            break
    expect(f'details of a node are reached: {seen}', ('summary', True) in seen)
    browser.press(ENTER)
    eventually('they open', lambda: browser.js('return document.activeElement.parentElement.open'))


def reading_is_not_disturbed(visit):
    """While pictures come, details stay open, the focus where it is, and typed text typed."""
    browser = visit.browser
    browser.open(visit.url + '/')
    browser.js('document.querySelector(".why details").open = true; document.querySelector(".why summary").focus()')
    browser.js('window.here = document.activeElement')
    visit.wait_for_pictures()
    expect('the details stay open', browser.js('return document.querySelector(".why details").open'))
    expect('the focus stays', browser.js('return document.activeElement === window.here && window.here.isConnected'))


def typing_is_not_disturbed(visit):
    """Neither pictures nor another version of the page take away what is half typed; later the new version comes."""
    browser = visit.browser
    browser.open(visit.url + '/login')
    eventually('the field has the focus', lambda: browser.js('return document.activeElement.id') == 'token')
    browser.js('window.isStillThisPage = true; picture.dataset.page = "of another version"')
    visit.wait_for_pictures()
    expect('nothing is typed yet', browser.js('return window.isStillThisPage === true'))
    browser.type('#token', 'half a tok')
    browser.js('token.setSelectionRange(3, 3); window.here = document.activeElement')
    # The picture has the version of the coordinator by now.
    browser.js('picture.dataset.page = "of another version"; document.activeElement.blur()')
    visit.wait_for_pictures()
    expect('the page stays', browser.js('return window.isStillThisPage === true && window.here.isConnected'))
    expect_equal('the text', browser.js('return [token.value, token.selectionStart]'), ['half a tok', 3])
    browser.js('token.value = ""; picture.dataset.page = "of another version"')
    eventually('the new version comes', lambda: browser.js('return window.isStillThisPage') is None)
    eventually('the page is live', lambda: visit.text('#live').startswith('Live'))


def printed(visit):
    visit.browser.print_look()
    eventually('the paper is white', lambda: visit.browser.js(
        'return getComputedStyle(document.body).backgroundColor') == 'rgb(255, 255, 255)')
    visit.shot('print')
    expect_equal('buttons on paper', visit.browser.js(
        'return [...document.querySelectorAll("button, .filters")].filter(b => b.checkVisibility()).length'), 0)
    visit.browser.look(1280)


def alarms_work(visit):
    """What is found to be in order would have been found if it were not."""
    visit.check_console()
    visit.browser.js('document.body.setAttribute("style", "color: #888")')
    eventually('a violation of the policy is told', lambda: 'Content Security Policy' in str(visit.browser.complaints()))
    # In one step: the next picture makes all good again.
    faults = ' '.join(visit.browser.js('''
        headline.style.color = "#7a9a8a"; headline.style.width = "3000px"; headline.id = "live";
        ''' + AUDIT))
    for fault in ['contrast', 'beyond the edge', 'px wide', 'twice: #live', 'aria-labelledby of nothing']:
        expect(f'the audit finds: {fault}', fault in faults)


def without_script(visit):
    browser = visit.browser
    expect('scripts are off', visit.text('#live').startswith('Picture of '))
    expect('the verdict is there', visit.text('#headline') != '')
    expect('the nodes are there', '✓ UP' in visit.text('#nodes'))
    visit.shot('without-script')
    before = visit.text('#live')
    eventually('the page reloads itself', lambda: visit.text('#live') not in ('', before))
    browser.open(visit.url + '/?reload=off')
    still = visit.text('#live')
    expect('it can be told not to', 'Does not reload' in still)
    browser.click('.why summary')
    time.sleep(6)  # longer than the pause between reloads
    expect_equal('the page that is not to reload', visit.text('#live'), still)
    expect('details work', visit.browser.js('return document.querySelector(".why details").open'))


def node_down(driver, options):
    """A node is down: one sees it first, with the reason and since when."""
    name = options.node
    with Visit(driver, options) as visit:
        # Before it shows, the summary would be that of a cluster that is well.
        visit.bring_about(lambda: 'DOWN' in visit.node(name))
        title = visit.browser.title
        expect(f'the title: {title}', re.fullmatch(r'[1-9]\d* problems? – Holdfast', title))
        expect('the icon tells it', '/critical.svg' in visit.browser.js('return icon.href'))
        problem = visit.text('.problems li')
        expect(f'the worst problem: {problem}', name in problem and 'critical' in problem)
        expect('since when', re.search(r'since .*\d\d:\d\d:\d\d · \d+ s', problem))
        reason = visit.text(f'#{css("n-" + name)} summary')
        expect(f'the reason is told in words: {reason}', len(reason) > 8)
        expect('it is not ready', '✕ no' in visit.node(name))
        expect('not by colour alone, but by colour too', visit.browser.js('''
            const [down, up] = ['down', 'up'].map(state => document.querySelector(`.node td .badge.${state}`))
            return !up || getComputedStyle(down).color !== getComputedStyle(up).color'''))
        newest = visit.text('.history')
        expect(f'the history tells it: {newest}', re.search(rf'{re.escape(name)} \S+ → DOWN', newest))
        visit.audit()
        visit.browser.click(f'.problems a[href="#{css("n-" + name)}"]')
        eventually('the problem leads to the node', lambda: visit.browser.js('''
            const top = document.querySelector(":target")?.getBoundingClientRect().top
            return top >= 0 && top < innerHeight'''))
        visit.browser.click('.filters a[href*="state=down"]')
        eventually('the filter is on', lambda: 'state=down' in visit.browser.js('return location.search'))
        eventually('the page is live', lambda: visit.text('#live').startswith('Live'))
        visit.wait_for_pictures()  # that might not keep to the filter
        shown = visit.browser.js('return [...document.querySelectorAll(".node .badge")].map(b => b.innerText)')
        expect(f'only what is down is shown: {shown}', shown and set(shown) == {'✕ DOWN'})
        visit.shot('filtered')
        visit.check_console()
    with Visit(driver, options, script=False) as visit:
        visit.browser.open(visit.url + '/?state=down')
        expect('the filter works without script', '✕ DOWN' in visit.node(name))
        expect('and shows nothing else', '✓ UP' not in visit.text('.nodes'))


def leader_changed(driver, options):
    """Another node leads: the page tells which, since when, and that there was a change."""
    with Visit(driver, options) as visit:
        tile = '#totals .tile:first-child'
        before = visit.text(f'{tile} .figure') if options.do else None
        visit.bring_about(lambda: visit.text(f'{tile} .figure') not in ('none', before))
        eventually('epoch and age', lambda: re.search(r'\d+ s in term, epoch \d+', visit.text(tile)))
        eventually('the node is marked', lambda: '★ leader' in visit.node(visit.text(f'{tile} .figure')))
        eventually('one leads', lambda: visit.browser.js('return document.querySelectorAll(".leads").length') == 1)
        leader = visit.text(f'{tile} .figure')
        failovers = visit.text('#totals .tile:nth-child(2) .figure')
        expect(f'the failover is counted: {failovers}', int(failovers) >= 1)
        expect('the history tells it', re.search(rf'cluster .*→ .*{re.escape(leader)}', visit.text('.history')))
        visit.audit()


def just_started(driver, options):
    """The coordinator knows its nodes, but has not judged them: that is neither well nor wrong."""
    with Visit(driver, options) as visit:
        visit.bring_about(lambda: visit.browser.title == 'Checking – Holdfast')
        expect('the icon tells it', '/checking.svg' in visit.browser.js('return icon.href'))
        expect('nothing is said to be wrong', 'critical' not in visit.text('main'))
        expect('nothing is said to be down', 'DOWN' not in visit.text('.nodes'))
        expect('nothing is said to be well', '✓' not in visit.text('.nodes') + visit.text('.invariants'))
        expect('the nodes are shown', '? UNKNOWN' in visit.text('.nodes'))
        visit.audit()


def hostile(driver, options):
    """Nodes tell what is meant to harm: it is shown, as text, and does nothing."""
    with Visit(driver, options) as visit:
        harmless(visit)
        visit.browser.js('document.querySelectorAll("details").forEach(details => details.open = true)')
        visit.audit()
        for event in ['mouseover', 'focus', 'error']:  # whatever waits for one of these
            visit.browser.js('''
                for (const element of document.querySelectorAll("*")) element.dispatchEvent(new Event(arguments[0]))
                ''', event)
        visit.wait_for_pictures()
        harmless(visit)
        visit.check_console()


def harmless(visit):
    expect_equal('harm', visit.browser.js('return window.harmed ?? null'), None)
    expect('the text is shown', '<script>window.harmed = 1</script>' in visit.text('.nodes'))
    expect_equal('what must not be there', visit.browser.js('''
        const strange = [...document.querySelectorAll("script, img, iframe, b, h1, object, embed, base")]
        const own = strange.filter(e => e.matches('script[src^="/assets/page.js"], .bar h1'))
        const handled = element => [...element.attributes].some(attribute => /^on/.test(attribute.name))
        const handlers = [...document.querySelectorAll("*")].filter(handled)
        const links = [...document.querySelectorAll("a")].filter(a => !/^https?:$/.test(a.protocol))
        const buttons = [...document.querySelectorAll("[formaction]")]
        const forms = buttons.filter(button => !button.formAction.startsWith(location.origin))
        return [strange.length - own.length, handlers.length, links.length, forms.length]'''), [0, 0, 0, 0])


def sixty_nodes(driver, options):
    """Many nodes: still readable, in the order of their numbers."""
    with Visit(driver, options) as visit:
        names = visit.browser.js('return [...document.querySelectorAll(".name")].map(n => n.innerText)')
        in_order = [f'node-{number}' for number in range(1, 61) if number != 58]
        expect_equal('the order: by number, who has left last', names, [*in_order, 'node-58'])
        visit.audit()
        visit.browser.click('#older summary')
        visit.wait_for_pictures()
        expect('older history stays open', visit.browser.js('return document.getElementById("older").open'))


def operator(driver, options):
    """An operator logs in and has a node drain, with scripts and without."""
    token = options.token_file.read_text().strip().split(':')[-1]
    for script in [True, False]:
        with Visit(driver, options, script=script) as visit:
            browser = visit.browser
            expect('visitors have no buttons', browser.js('return document.querySelector("[formaction]")') is None)
            browser.open(visit.url + '/?state=up,down')
            refused(visit)
            log_in(visit, token)
            eventually('it is looked at as before', lambda: 'state=up,down' in browser.js('return location.search'))
            browser.open(visit.url + '/')  # of all states, since one is about to change
            eventually('it tells who is logged in', lambda: 'Logged in as' in visit.text('.operator'))
            button = f'#{css("n-" + options.node)} .change button'
            if script:
                visit.audit()
                browser.js('window.isStillThisPage = true')
            browser.click(button)
            eventually('the answer is told', lambda: f'{options.node} is to drain' in visit.text('#notice'))
            eventually('the button is now the other', lambda: visit.text(button) == 'Undrain')
            browser.click(button)
            eventually('the answer is told', lambda: f'{options.node} is to serve' in visit.text('#notice'))
            eventually('the button is back', lambda: visit.text(button) == 'Drain')
            browser.click(f'{button}:nth-of-type(2)')
            eventually('the answer is told', lambda: f'{options.node} has been asked' in visit.text('#notice'))
            if script:
                expect('the page was not left', browser.js('return window.isStillThisPage === true'))
            browser.click('#log-out button')
            eventually('it is over', lambda: 'Log in' in visit.text('.operator'))
            expect('no buttons any more', browser.js('return document.querySelector("[formaction]")') is None)
            visit.check_console()


def log_in(visit, token):
    if not visit.text('#log-in'):
        visit.browser.click('.operator a')
    eventually('there is a form', lambda: visit.text('#log-in'))
    visit.browser.type('#token', token)
    visit.browser.click('#log-in button')


def refused(visit):
    """A wrong token is told on the page, which stays until it has been read: with script or without."""
    browser = visit.browser
    log_in(visit, 'wrong')

    def is_told():
        return visit.text('#notice') == 'This is not an admin token.' and visit.text('#headline') != ''

    eventually('a wrong token is told', is_told)
    visit.shot(f'refused-{"with" if visit.script else "without"}-script')
    told = browser.complaints()  # its status is repeated by the console
    expect(f'nothing else is complained of: {told}', all('401' in line for line in told))
    browser.type('#token', 'half')
    time.sleep(6)  # longer than the pause between reloads
    expect('it is told still', is_told())
    expect_equal('what is typed', browser.find_value('#token'), 'half')
    browser.open(browser.location)  # as by a reload, or the address alone
    eventually('there is a form again', lambda: visit.text('#log-in'))
    expect_equal('and no message', visit.text('#notice'), '')


def first_words(driver, options):
    """No node can sell: that is what one reads first, since when and why; and nothing looks well."""
    with Visit(driver, options) as visit:
        visit.bring_about(lambda: visit.browser.title == 'Cannot sell – Holdfast')
        first = next(line for line in visit.text('main').split('\n') if line.strip() not in ('', '✕'))
        expect(f'the first words: {first}', first.startswith('The shop cannot sell: '))
        expect('in words', 'Failure' not in first and 'Error(' not in first and 'errno' not in first)
        since = visit.text('.lasting')
        expect(f'and since when: {since}', re.search(r'since .*\d\d:\d\d:\d\d · ', since))
        expect('no row looks well', '✓' not in visit.text('.nodes') and 'cannot sell' in visit.text('.nodes'))
        expect('no row says that all is well', 'answered the first probe' not in visit.text('.nodes'))
        expect('the icon tells it', '/critical.svg' in visit.browser.js('return icon.href'))
        visit.audit()


def damaged(driver, options):
    """What is wrong in the store is told, and where."""
    with Visit(driver, options) as visit:
        store = visit.text('#store')
        for text in ['its total is no whole number', 'appendfsync is no', 'behind', 'Lost data']:
            expect(f'{text}: {store}', text in store)
        expect('visitors acknowledge nothing', not visit.text('.acknowledge'))
        log_in(visit, options.token_file.read_text().strip().split(':')[-1])
        eventually('operators are asked to', lambda: 'Acknowledge the loss of data' in visit.text('.acknowledge'))
        eventually('the page is live', lambda: visit.text('#live').startswith('Live'))
        expect('it stands apart from the problems, and its words from the button', visit.browser.js('''
            const box = selector => document.querySelector(selector).getBoundingClientRect()
            const [list, button, words] = [".problems", ".acknowledge button", ".acknowledge span"].map(box)
            return button.top - list.bottom >= 8 && words.left - button.right >= 8'''))
        visit.browser.js('document.querySelectorAll("details").forEach(details => details.open = true)')
        visit.audit()
        printed(visit)
        visit.browser.click('.acknowledge button')
        eventually('the answer is told', lambda: 'Acknowledged' in visit.text('#notice'))


def last_node(driver, options):
    """One node is ready: the page asks before it drains, and says what follows. Those that are gone can be forgotten."""
    token = options.token_file.read_text().strip().split(':')[-1]
    drain = f'#{css("n-node-1")} .change button'
    for script in [True, False]:
        with Visit(driver, options, script=script) as visit:
            browser = visit.browser
            log_in(visit, token)
            eventually('it tells who is logged in', lambda: 'Logged in as' in visit.text('.operator'))
            browser.click(drain)
            eventually('it asks', lambda: 'node-1 is the last node that is ready' in visit.text('#question'))
            told = browser.complaints()  # its status is repeated by the console
            expect(f'nothing else is complained of: {told}', all('409' in line for line in told))
            if script:
                eventually('the page is live', lambda: visit.text('#live').startswith('Live'))
                expect('the address is that of the page', browser.location.endswith('/'))
                visit.audit()
            else:
                time.sleep(6)  # longer than the pause between reloads
            expect('the question stays', visit.text('#question') != '')
            browser.click('#question a')
            eventually('nothing was done', lambda: visit.text('#question') == '' and visit.text(drain) == 'Drain')
            browser.click(drain)
            eventually('it asks again', lambda: visit.text('#question') != '')
            browser.click('#question button')
            eventually('it is done', lambda: 'node-1 is to drain' in visit.text('#notice'))
            eventually('the button is now the other', lambda: visit.text(drain) == 'Undrain')
            browser.click(drain)
            eventually('it is taken back', lambda: visit.text(drain) == 'Drain')
            gone = 'node-2' if script else 'node-3'
            browser.click(f'#{css("n-" + gone)} .change button:last-child')
            eventually('it is forgotten', lambda: f'{gone} is forgotten' in visit.text('#notice'))
            eventually('it is not shown any more', lambda: visit.node(gone) == '')
            browser.complaints()


def sub_path(driver, options):
    """Behind a proxy that has other things at its root: whatever is followed lies below the path."""
    token = options.token_file.read_text().strip().split(':')[-1]
    base = urllib.parse.urlsplit(options.url).path.rstrip('/')
    for script in [True, False]:
        with Visit(driver, options, script=script) as visit:
            browser = visit.browser
            if script:
                visit.wait_for_pictures()
            for selector in ['.filters a[href*="state=up"]', '.filters a', 'h1 a']:
                browser.click(selector)
                eventually('the page is there', lambda: visit.text('#headline') != '')
                expect(f'{browser.location} lies below', urllib.parse.urlsplit(browser.location).path == f'{base}/')
            refused(visit)
            log_in(visit, token)
            eventually('it tells who is logged in', lambda: 'Logged in as' in visit.text('.operator'))
            button = f'#{css("n-node-1")} .change button'
            browser.click(button)
            eventually('the answer is told', lambda: 'node-1 is to drain' in visit.text('#notice'))
            eventually('the button is now the other', lambda: visit.text(button) == 'Undrain')
            browser.click(button)
            eventually('the button is back', lambda: visit.text(button) == 'Drain')
            browser.click('#log-out button')
            eventually('it is over', lambda: 'Log in' in visit.text('.operator'))
            visit.check_console()


def connection(driver, options):
    """The line to the coordinator breaks: the page says so, says how old it is, and recovers by itself."""
    target = urllib.parse.urlsplit(options.url)
    wire = Wire(target.hostname, target.port)
    with Visit(driver, options, url=f'http://127.0.0.1:{wire.port}') as visit:
        browser = visit.browser

        def is_well():
            return visit.text('#live').startswith('Live') and visit.text('#lost') == '' and not faded()

        def faded():
            return float(browser.js('return getComputedStyle(document.querySelector("main")).opacity')) < 1

        eventually('all is well at first', is_well)
        browser.js('window.isStillThisPage = true')
        wire.cut()
        eventually('the loss is told', lambda: 'connection to the coordinator is lost' in visit.text('#lost'))
        eventually('the age goes on', lambda: re.search(r'picture is ([4-9]|\d\d+) s old', visit.text('#lost')))
        eventually('the picture fades', faded)
        visit.shot('lost')
        wire.mend()
        eventually('it recovers', is_well)
        wire.stall()
        eventually('silence is told', lambda: visit.text('#lost') != '' and faded())
        wire.mend()
        eventually('it recovers again', is_well)
        expect('the page was not reloaded', browser.js('return window.isStillThisPage === true'))


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
