import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { expect, test } from 'vitest'
import { findCircles, readSources, resolveImport, root } from './support/source-files.ts'

/** In the order in which they may import: each its own files and those before it. */
const folders = ['policies', 'db', 'admin', 'gateway'] as const

const program = folders.flatMap(readSources)
const tests = readSources('test')
const all = [...program, ...tests]

const folderOf = (path: string): string => path.split('/')[0] ?? ''

/** Where the program touches the machine around it. */
const seams = new Set(['gateway/system.ts', 'gateway/cli.ts'])

test('there are the five folders and what tools insist on', () => {
  const names = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .filter((name) => !['node_modules', 'dist', 'data', 'coverage'].includes(name))
  expect(names.filter((name) => ![...folders, 'test'].includes(name))).toEqual([])
})

test('imports run one way: policies ← db ← admin ← gateway', () => {
  const wrong = program.flatMap(({ path, imports }) =>
    imports.flatMap(({ from }) => {
      const target = resolveImport(path, from)
      if (target === undefined) return []
      const [own, other] = [folderOf(path), folderOf(target)].map((it) =>
        folders.findIndex((folder) => folder === it),
      )
      return own !== undefined && other !== undefined && other >= 0 && other <= own
        ? []
        : [`${path} imports ${target}`]
    }),
  )
  expect(wrong).toEqual([])
})

test('policies import ipaddr.js and nothing else', () => {
  const packages = program
    .filter(({ path }) => folderOf(path) === 'policies')
    .flatMap(({ imports }) => imports.map(({ from }) => from))
    .filter((from) => !from.startsWith('.'))
  expect([...new Set(packages)]).toEqual(['ipaddr.js'])
})

test('nothing imports in a circle, not even types', () => {
  expect(findCircles(all, ({ isType }) => !isType)).toEqual([])
  expect(findCircles(all, () => true)).toEqual([])
})

test('files are imported by their names, and none hands on what another defines', () => {
  const nameless = all.flatMap(({ path, imports }) =>
    imports
      .filter(({ from }) => from.startsWith('.') && !/\.(ts|json)$/.test(from))
      .map(({ from }) => `${path} imports ${from}`),
  )
  expect(nameless).toEqual([])
  expect(program.filter(({ reexports }) => reexports).map(({ path }) => path)).toEqual([])
})

test('no file has more than 250 lines', () => {
  expect(
    all.filter(({ lines }) => lines > 250).map(({ path, lines }) => `${path}: ${lines}`),
  ).toEqual([])
})

test('no folder of the program is deeper than a room', () => {
  expect(program.filter(({ path }) => path.split('/').length > 3).map(({ path }) => path)).toEqual(
    [],
  )
})

test('clock, randomness and environment are touched only where they are made', () => {
  const touching = program
    .filter(({ path, touches }) => touches.length > 0 && !seams.has(path))
    .map(({ path, touches }) => `${path}: ${touches.join(', ')}`)
  expect(touching).toEqual([])
})

test('no file is called what says nothing', () => {
  const empty =
    /(^|-)(utils?|helpers?|common|shared|misc|managers?|services?|handlers?|whitelists?|index)(-|\.|$)/
  expect(all.map(({ path }) => path).filter((path) => empty.test(basename(path)))).toEqual([])
})
