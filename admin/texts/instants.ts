import type { Language } from '../../policies/languages.ts'

/**
 * An instant (ms since the epoch) as a user reads it, with the name of the time zone: UTC where
 * theirs is unknown. Digits are those of addresses and PINs in every language.
 */
export const writeInstant = (ms: number, language: Language, timeZone: string): string => {
  const options: Intl.DateTimeFormatOptions = {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: 'short',
    numberingSystem: 'latn',
  }
  try {
    return new Intl.DateTimeFormat(language, { ...options, timeZone }).format(ms)
  } catch {
    return new Intl.DateTimeFormat(language, { ...options, timeZone: 'UTC' }).format(ms)
  }
}
