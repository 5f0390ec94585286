"""The page of a cluster that is well: all that it promises whoever looks, with keys, on paper, without script."""

import time

from browser import eventually
from visit import AUDIT, Visit, expect, expect_equal, printed

TAB, ENTER = '\ue004', '\ue007'


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
