'use strict'
// Keeps the page live: pictures of the cluster come as server-sent events and are worked into what is on the screen,
// so that focus, selection and opened details stay. Without this script the page works too, and reloads itself.

const picture = document.getElementById('picture')
const live = document.getElementById('live')
const lost = document.getElementById('lost')
const notice = document.getElementById('notice')
const icon = document.getElementById('icon')

// --- Time: that of the coordinator, whose clock this machine's need not agree with

const drawn = {coordinator: 0, here: 0, clock: ''}

function takeTime() {
  drawn.coordinator = Number(picture.dataset.now)
  drawn.here = performance.now()
  drawn.clock = picture.dataset.clock
}

const pictureAge = () => performance.now() - drawn.here

// The same words as the server's: see Wording.swift.
function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24)
  if (seconds < 60) return `${seconds} s`
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  if (hours < 24) return `${hours} h ${minutes % 60} min`
  return `${days} d ${hours % 24} h`
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

function showAges() {
  const now = drawn.coordinator + pictureAge()
  for (const age of picture.querySelectorAll('.age')) setText(age, duration(now - Number(age.dataset.since)))
}

// --- Changing what is shown, as little as possible

function morph(shown, wanted) {
  for (const {name, value} of wanted.attributes) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value)
  }
  for (const {name} of [...shown.attributes]) {
    const isOpened = name === 'open' && shown.localName === 'details' // by the reader, whose business it is
    if (!wanted.hasAttribute(name) && !isOpened) shown.removeAttribute(name)
  }
  morphChildren(shown, wanted)
}

function morphChildren(shown, wanted) {
  const staying = new Set([...wanted.children].map(child => child.id).filter(Boolean))
  let next = shown.firstChild
  for (const child of [...wanted.childNodes]) {
    // What is not wanted any more stands before what is.
    while (next && next.id && next.id !== child.id && !staying.has(next.id)) next = remove(next)
    if (next && isSame(next, child)) {
      if (child.nodeType === Node.ELEMENT_NODE) morph(next, child)
      else if (next.data !== child.data) next.data = child.data
      next = next.nextSibling
    } else {
      shown.insertBefore(document.importNode(child, true), next)
    }
  }
  while (next) next = remove(next)
}

const isSame = (one, other) => one.nodeName === other.nodeName && (one.id ?? '') === (other.id ?? '')

function remove(node) {
  const following = node.nextSibling
  node.remove()
  return following
}

function show(html) {
  const wanted = new DOMParser().parseFromString(html, 'text/html').getElementById('picture')
  // Another version of this page, or a log-in that has ended: nothing here may stay as it is, but for what is typed or
  // to be answered.
  if (wanted.dataset.page !== picture.dataset.page && !isInUse()) return location.replace(document.body.dataset.own)
  morph(picture, wanted)
  takeTime()
  showAges()
  tell()
  document.title = picture.dataset.title
  if (icon.getAttribute('href') !== picture.dataset.icon) icon.href = picture.dataset.icon
}

// Somebody is about to log in, or to decide.
function isInUse() {
  return document.getElementById('token')?.value || document.querySelector('#log-in :focus, #question') !== null
}

// --- The stream, and whether it flows

const SILENCE = 6000 // ms: three times the longest pause of a coordinator that is well
const stream = {source: null, state: 'connecting', heardAt: performance.now(), triedAt: 0, pause: 1000}

function connect() {
  stream.triedAt = performance.now()
  stream.source?.close()
  stream.source = new EventSource(document.body.dataset.base + '/events' + location.search)
  stream.source.addEventListener('picture', event => {
    heard()
    show(event.data)
  })
  stream.source.addEventListener('heartbeat', heard)
  stream.source.addEventListener('error', lose)
}

function heard() {
  stream.heardAt = performance.now()
  stream.pause = 1000
  stream.state = 'open'
  tell()
}

function lose() {
  stream.state = 'lost'
  tell()
}

// The browser tries again by itself, but gives up for good after some errors, and waits for ever on a silent line.
function watch() {
  const now = performance.now()
  if (now - stream.heardAt > SILENCE) lose()
  if (stream.state === 'lost' && now - stream.triedAt > stream.pause + SILENCE / 2) {
    stream.pause = Math.min(stream.pause * 2, 15000)
    connect()
  }
}

function tell() {
  const isOld = pictureAge() > SILENCE, isLost = stream.state === 'lost'
  const [what, age] = lost.children
  setText(live, {connecting: 'Connecting…', open: `Live · ${drawn.clock}`, lost: 'Not connected'}[stream.state])
  live.classList.toggle('connected', stream.state === 'open' && !isOld)
  document.body.classList.toggle('stale', isLost || isOld)
  lost.hidden = !isLost && !isOld
  // Apart, so that screen readers tell what is wrong once, and not each second how long it has been.
  const trouble = isLost ? 'The connection to the coordinator is lost; trying again.' : 'The coordinator is silent.'
  setText(what, isLost || isOld ? trouble : '')
  setText(age, `This picture is ${duration(pictureAge())} old.`)
}

// --- Changes asked for by buttons, without leaving the page

const asked = new Set()

document.addEventListener('submit', async event => {
  const button = event.submitter
  if (event.target.id !== 'changes' || !button) return
  event.preventDefault()
  if (asked.has(button.formAction)) return
  asked.add(button.formAction)
  try {
    const answer = await fetch(button.formAction, {
      method: 'POST', headers: {Accept: 'application/json'}, body: new URLSearchParams(new FormData(event.target)),
    })
    const told = await answer.json()
    if (told.type === 'urn:holdfast:problem:last-ready-node') {
      // What follows is told on a page that works without this script too, and asks.
      event.target.action = button.formAction
      return event.target.submit()
    }
    setText(notice, answer.ok ? told.message : told.detail)
  } catch {
    setText(notice, 'The coordinator did not answer: nothing is known to have changed.')
  } finally {
    asked.delete(button.formAction)
  }
})

// The answer to a form, at the form's address: to load it again is to look, not to send that again.
if ('answer' in document.body.dataset) history.replaceState(null, '', document.body.dataset.own + location.hash)

takeTime()
connect()
tell()
setInterval(() => {
  watch()
  showAges()
  tell()
}, 1000)
