/** What the load generator says to who started it; a result is one line of JSON. */
export const READY = 'ready'

/** Messages answered in a second, and how long an answer took, in ms. */
export type Answered = { readonly rate: number; readonly p50: number; readonly p99: number }

/** How long all binds together took, and how long one did, in ms; `refused` were not bound. */
export type Bound = {
  readonly tookMs: number
  readonly p50: number
  readonly p99: number
  readonly refused: number
}

export type BenchCredentials = { readonly systemId: string; readonly password: string }

/** How long a bind took straight to the SMSC and through the gateway, and how much longer: p50, in ms. */
export type BindTimes = {
  readonly straight: number
  readonly through: number
  readonly beyond: number
}
