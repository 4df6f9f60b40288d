import { expect, test } from 'vitest'
import { createGuessability } from '../../db/guessability.ts'

const readGuess = createGuessability()

test('a common password scores low, an unusual one high', async () => {
  const guess = await readGuess()
  expect(guess('password1234', [])).toBeLessThan(3)
  expect(guess('aaaaaaaaaaaa', [])).toBeLessThan(3)
  expect(guess('qwertyuiop12', [])).toBeLessThan(3)
  expect(guess('correct horse battery staple', [])).toBeGreaterThanOrEqual(3)
  expect(guess('sandbox-alice-1', [])).toBeGreaterThanOrEqual(3)
})

test('what a stranger knows of a user lowers the score', async () => {
  const guess = await readGuess()
  const hints = ['margarethe', 'von-hohenfels', 'margarethe@hohenfels.example']
  expect(guess('margarethe@hohenfels.example', hints)).toBeLessThan(3)
  expect(guess('margarethe@hohenfels.example', [])).toBeGreaterThanOrEqual(3)
})

test('a word of a hint is a hint, and names of object members are no trouble', async () => {
  const guess = await readGuess()
  const without = guess('hohenfels-2024', [])
  expect(guess('hohenfels-2024', ['margarethe@hohenfels.example'])).toBeLessThan(without)
  for (const name of ['__proto__', 'constructor', 'hasOwnProperty', ''])
    expect([0, 1, 2, 3, 4]).toContain(guess(`${name}${name}`, [name]))
})

test('the dictionaries are loaded once', async () => {
  expect(await readGuess()).toBe(await readGuess())
})

test('hostile passwords do not hold the process up', async () => {
  const guess = await readGuess()
  for (const part of ['4@8({[</369&#!1/|0$5+7', 'passwordp4ssw0rd', '1234567890', '19701971']) {
    guess(part.repeat(12), [])
    const started = process.hrtime.bigint()
    guess(part.repeat(12), [])
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(1_000)
  }
})
