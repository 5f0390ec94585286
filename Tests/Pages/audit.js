// What a person could not see or read on the page, as a list of texts. For Tests/Pages/visit.py.
const faults = []

function name(element) {
  return `${element.localName}.${element.getAttribute('class') ?? ''} "${(element.innerText ?? '').slice(0, 40)}"`
}

// --- Nothing lies beyond the edge

const width = document.documentElement.clientWidth
if (document.documentElement.scrollWidth > width) {
  faults.push(`the page is ${document.documentElement.scrollWidth} px wide on a screen of ${width}`)
}
for (const element of document.querySelectorAll('body *')) {
  const box = element.getBoundingClientRect()
  const isForReaders = element.closest('.skip, .spoken, thead') && box.right < 0
  if (element.checkVisibility() && !isForReaders && (box.right > width + 1 || box.left < -1)) {
    faults.push(`beyond the edge: ${name(element)} from ${box.left} to ${box.right}`)
  }
}

// --- Contrast of text (WCAG 2.2, 1.4.3: 4.5, for large text 3)

function rgba(colour) {
  const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number)
  return {red, green, blue, alpha}
}

function luminance({red, green, blue}) {
  const [r, g, b] = [red, green, blue].map(part => {
    const value = part / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function ground(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor)
    if (colour.alpha === 1) return colour
    if (colour.alpha > 0) faults.push(`half transparent: ${name(at)}`)
  }
  return {red: 255, green: 255, blue: 255}
}

const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
let looked = 0
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement
  const isSeen = element.checkVisibility({visibilityProperty: true}) && !element.closest('svg')
  if (!isSeen || !texts.currentNode.data.trim()) continue
  const style = getComputedStyle(element)
  const [one, other] = [luminance(rgba(style.color)), luminance(ground(element))]
  const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
  const size = parseFloat(style.fontSize)
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
  looked += 1
  if (contrast < (isLarge ? 3 : 4.5)) faults.push(`contrast ${contrast.toFixed(2)}: ${name(element)}`)
  if (size < 12) faults.push(`${size} px small: ${name(element)}`)
}
if (looked < 30) faults.push(`only ${looked} texts were looked at`)

// --- Names of what can be used, and ids that stand for one thing

for (const element of document.querySelectorAll('a[href], button, input:not([type=hidden]), summary, [role=img]')) {
  const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent
  if (!label?.trim()) faults.push(`without a name: ${element.outerHTML.slice(0, 80)}`)
}
const ids = [...document.querySelectorAll('[id]')].map(element => element.id)
for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) faults.push(`twice: #${id}`)
for (const attribute of ['aria-labelledby', 'for', 'form']) {
  for (const element of document.querySelectorAll(`[${attribute}]`)) {
    const isThere = document.getElementById(element.getAttribute(attribute))
    if (!isThere) faults.push(`${attribute} of nothing: ${name(element)}`)
  }
}
return faults
