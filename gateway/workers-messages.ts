import type { MetricValues } from './metrics.ts'
import type { Places } from './sandbox/sandbox.ts'
import type { SettingsFile } from './settings.ts'

/** What a worker is to be, the same for all but for the number. */
export type Start = {
  readonly number: number
  readonly workers: number
  /** As it was when the primary read it, so that all workers keep to the same settings. */
  readonly file: SettingsFile | undefined
}

/** What the primary tells a worker. */
export type ToWorker =
  | ({ readonly kind: 'start' } & Start)
  | { readonly kind: 'stop'; readonly signal: string }
  | { readonly kind: 'values-wanted'; readonly round: number }
  | { readonly kind: 'metrics'; readonly id: number; readonly text: string }

/** What a worker tells the primary. */
export type ToPrimary =
  /** It hears what it is told from now on. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'up'; readonly places: Places }
  /** It cannot start; why, in one clear line. */
  | { readonly kind: 'failed'; readonly line: string }
  | { readonly kind: 'values'; readonly round: number; readonly values: MetricValues }
  | { readonly kind: 'metrics-wanted'; readonly id: number }
