"""What operators do on the page: they log in, drain, forget, acknowledge."""

import time
import urllib.parse

from browser import eventually
from visit import Visit, css, expect, expect_equal, printed


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
