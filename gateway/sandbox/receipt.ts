/** yyMMddHHmm in UTC, as receipts have it (SMPP 3.4 appendix B). */
const stampOf = (at: number): string =>
  new Date(at).toISOString().slice(2, 16).replaceAll(/[-T:]/g, '')

export type Receipt = {
  /** Ten digits. */
  readonly messageId: string
  /** In ms since the epoch. */
  readonly submittedAt: number
  readonly doneAt: number
  readonly text: string
}

/** The text of a delivery receipt for a message that arrived (SMPP 3.4 appendix B). */
export const writeReceipt = ({ messageId, submittedAt, doneAt, text }: Receipt): string =>
  `id:${messageId} sub:001 dlvrd:001 submit date:${stampOf(submittedAt)} ` +
  `done date:${stampOf(doneAt)} stat:DELIVRD err:000 text:${text.slice(0, 20)}`
