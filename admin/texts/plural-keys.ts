/** What follows a key whose wording depends on a count (as Intl.PluralRules has them). */
type Category = Intl.LDMLPluralRule

/**
 * The same keys in another language. Of a plural, `_other` is demanded; which further categories
 * there are is the language's own matter.
 */
export type Translated<T> = {
  readonly [K in keyof T as K extends `${string}_one` ? never : K]: T[K] extends string
    ? string
    : Translated<T[K]>
} & {
  readonly [
    K in keyof T as K extends `${infer Base}_other`
      ? `${Base}_${Exclude<Category, 'other'>}`
      : never
  ]?: string
}

type Base<K extends string> = K extends `${infer Name}_${Category}` ? Name : K

/** Every key, with its path; a plural's without its category: `pin.validity`. */
export type KeyOf<T, Path extends string = ''> = {
  [K in keyof T & string]: T[K] extends string ? `${Path}${Base<K>}` : KeyOf<T[K], `${Path}${K}.`>
}[keyof T & string]

/** The wording at a key. */
type At<T, Key extends string> = Key extends `${infer First}.${infer Rest}`
  ? First extends keyof T
    ? At<T[First], Rest>
    : never
  : Key extends keyof T
    ? T[Key]
    : `${Key}_other` extends keyof T
      ? T[`${Key}_other`]
      : never

type Names<Text> = Text extends `${string}{{${infer Name}}}${infer Rest}`
  ? Name | Names<Rest>
  : never

/** What a key wants filled in: nothing, or each `{{name}}` of its English wording. */
export type ValuesAt<T, Key extends string> = [Names<At<T, Key>>] extends [never]
  ? readonly []
  : readonly [{ readonly [Name in Names<At<T, Key>>]: Name extends 'count' ? number : string }]
