import fc from 'fast-check'
import { expect, test } from 'vitest'
import { csvLine, csvResponse } from '../../admin/csv.ts'

test.each([
  ["=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', '"\'\t=1"'],
  [' =1', "' =1"],
  ['\u00a0+1', "'\u00a0+1"],
  ['\u200b@SUM', "'\u200b@SUM"],
  ['\u2060\ufeff -1', "'\u2060\ufeff -1"],
  ['a;=1', '"a;=1"'],
  ['a\t=1', '"a\t=1"'],
  ['\r=1', '"\'\r=1"'],
  ['＝1', "'＝1"],
  ['say "hi"', '"say ""hi"""'],
  ['one, two', '"one, two"'],
  ['=1,"2"', '"\'=1,""2"""'],
  ['two\r\nlines', '"two\r\nlines"'],
  ['a=b', 'a=b'],
])('%j is inert and RFC 4180 (H7)', (cell, written) => {
  expect(csvLine([cell])).toBe(`${written}\r\n`)
})

test('numbers are numbers, and nothing is nothing', () => {
  expect(csvLine([-1, true, null, ''])).toBe('-1,true,,\r\n')
})

/** A reader by the grammar of RFC 4180 §2. */
const read = (text: string): readonly (readonly string[])[] => {
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y
  const records: string[][] = [[]]
  while (field.lastIndex < text.length) {
    const [, quoted, plain = '', end] = field.exec(text) ?? []
    if (end === undefined) throw new Error('not RFC 4180')
    records.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === '\r\n') records.push([])
  }
  return records.slice(0, -1)
}

test('whatever is written is read back, but for the quote that makes it inert', () => {
  const text = fc.string({
    unit: fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', '"', ',', ';', ' ', 'a', 'é'),
    maxLength: 8,
  })
  fc.assert(
    fc.property(
      fc.array(fc.array(text, { minLength: 1, maxLength: 4 }), { minLength: 1 }),
      (rows) => {
        const found = read(rows.map(csvLine).join(''))
        expect(found.map((cells) => cells.map((cell) => cell.replace(/^'/, '')))).toEqual(rows)
        for (const cell of found.flat()) expect(cell).not.toMatch(/^(?:\s*[=+\-@]|[\t\r\n])/)
      },
    ),
  )
})

test('a download that fails on the way breaks off, and somebody is told', async () => {
  const failures: unknown[] = []
  const pages = async function* () {
    yield [['first']]
    await Promise.resolve()
    throw new Error('lost')
  }
  const response = csvResponse({
    ...{ name: 'x.csv', columns: ['name'], pages: pages() },
    onError: (error) => failures.push(error),
  })
  await expect(response.text()).rejects.toThrow()
  expect(failures).toMatchObject([{ message: 'lost' }])
})
