import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** One import or re-export of a file; `isType`: nothing of it is left when the program runs. */
export type Import = { readonly from: string; readonly isType: boolean }

export type SourceFile = {
  /** From the root, as `gateway/http/door.ts`. */
  readonly path: string
  readonly lines: number
  readonly imports: readonly Import[]
  /** It hands on what another file defines. */
  readonly reexports: boolean
  /** What it takes from the machine: `Date.now`, `process.env`, … */
  readonly touches: readonly string[]
}

const isTypeImport = ({ importClause }: ts.ImportDeclaration): boolean => {
  if (importClause === undefined) return false
  if (importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const { name, namedBindings } = importClause
  return (
    name === undefined &&
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.every((element) => element.isTypeOnly)
  )
}

const textOf = (node: ts.Node | undefined): string | undefined =>
  node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined

const importOf = (node: ts.Node): Import | undefined => {
  if (ts.isImportDeclaration(node))
    return { from: textOf(node.moduleSpecifier) ?? '', isType: isTypeImport(node) }
  if (ts.isExportDeclaration(node)) {
    const from = textOf(node.moduleSpecifier)
    return from === undefined ? undefined : { from, isType: node.isTypeOnly }
  }
  const isCall = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
  const from = isCall ? textOf(node.arguments[0]) : undefined
  return from === undefined ? undefined : { from, isType: false }
}

const members = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'performance.timeOrigin',
  'process.env',
  'process.hrtime',
])

const randomness =
  /^(randomBytes|randomInt|randomUUID|randomFill|randomFillSync|getRandomValues|webcrypto)$/

/** What a node takes of the clock, of randomness or of the environment. */
const touchOf = (node: ts.Node): string | undefined => {
  if (ts.isPropertyAccessExpression(node)) {
    const name = `${node.expression.getText()}.${node.name.text}`
    return members.has(name) || randomness.test(node.name.text) ? name : undefined
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date')
    return (node.arguments?.length ?? 0) === 0 ? 'new Date()' : undefined
  return ts.isImportSpecifier(node) && randomness.test((node.propertyName ?? node.name).text)
    ? node.getText()
    : undefined
}

const readSource = (path: string): SourceFile => {
  const text = readFileSync(join(root, path), 'utf8')
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports: Import[] = []
  const touches: string[] = []
  let reexports = false
  const visit = (node: ts.Node): void => {
    const found = importOf(node)
    if (found !== undefined) imports.push(found)
    if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) reexports = true
    const touch = touchOf(node)
    if (touch !== undefined) touches.push(touch)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { path, lines: text.trimEnd().split('\n').length, imports, reexports, touches }
}

/** Every TypeScript file of a folder and those below it. */
export const readSources = (folder: string): readonly SourceFile[] => {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readSource(relative(root, join(entry.parentPath, entry.name))))
}

/** The path from the root of a file that is imported by a relative name; undefined for packages. */
export const resolveImport = (importer: string, from: string): string | undefined =>
  from.startsWith('.') ? join(dirname(importer), from) : undefined

/** Circles among files, each as the way around; `follow` says which imports count. */
export const findCircles = (
  files: readonly SourceFile[],
  follow: (found: Import) => boolean,
): readonly string[] => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const circles = new Set<string>()
  const walk = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path)
    if (at >= 0) circles.add([...way.slice(at), path].join(' → '))
    if (at >= 0 || done.has(path)) return
    for (const found of byPath.get(path)?.imports ?? []) {
      const next = follow(found) ? resolveImport(path, found.from) : undefined
      if (next !== undefined) walk(next, [...way, path])
    }
    done.add(path)
  }
  for (const { path } of files) walk(path, [])
  return [...circles]
}
