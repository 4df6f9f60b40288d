/** Nothing that the API takes is nested deeper. */
const deepest = 16

/** No object that the API takes has more. */
const mostNames = 100

/** Why a text is not taken for JSON, though a lenient reader might take it. */
export type JsonFault = 'malformed' | 'doubled-name' | 'too-deep' | 'too-many-names'

/** The index behind a string that begins at `start`; the text is known to be JSON. */
const endOfString = (text: string, start: number): number => {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

/** Looks for what `JSON.parse` passes over in silence (RFC 8259 §4: names should be unique). */
const lookThrough = (text: string): JsonFault | undefined => {
  /** The names of each object that is open; undefined for an array. */
  const open: (Set<string> | undefined)[] = []
  let isName = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined)
      if (open.length > deepest) return 'too-deep'
      isName = character === '{'
    } else if (character === '}' || character === ']') open.pop()
    else if (character === ',') isName = open.at(-1) !== undefined
    else if (character === '"') {
      const end = endOfString(text, at)
      const names = open.at(-1)
      if (isName && names !== undefined) {
        const name = String(JSON.parse(text.slice(at, end)))
        if (names.has(name)) return 'doubled-name'
        if (names.size >= mostNames) return 'too-many-names'
        names.add(name)
        isName = false
      }
      at = end - 1
    }
  }
  return undefined
}

/**
 * What is wrong with a text as JSON: a name that stands twice in one object would be one value to
 * one reader and the other to the next (B7). Undefined: nothing.
 */
export const faultOfJson = (text: string): JsonFault | undefined => {
  try {
    JSON.parse(text)
  } catch {
    return 'malformed'
  }
  return lookThrough(text)
}
