"""What the page shows of a cluster in a certain state, and of its own line to the coordinator."""

import re
import urllib.parse

from browser import eventually
from visit import Visit, css, expect, expect_equal
from wire import Wire


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
