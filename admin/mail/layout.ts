import { html } from 'hono/html'
import { directionOf, type Language } from '../../policies/languages.ts'
import type { Say } from '../texts/mail-texts.ts'
import type { Mail } from './mail.ts'

/** What a mail is made of, from above to below. */
export type Block =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'facts'; readonly lines: readonly string[] }
  | { readonly kind: 'link'; readonly label: string; readonly url: string }
  | { readonly kind: 'pin'; readonly pin: string }

export type Draft = { readonly subject: string; readonly blocks: readonly Block[] }

const textOf = (block: Block): string => {
  if (block.kind === 'line') return block.text
  if (block.kind === 'facts') return block.lines.join('\n')
  return block.kind === 'link' ? `${block.label}\n${block.url}` : block.pin
}

const htmlOf = (block: Block, say: Say) => {
  if (block.kind === 'line') return html`<p>${block.text}</p>`
  if (block.kind === 'facts')
    return html`<p>${block.lines.map((line, at) => (at === 0 ? line : html`<br />${line}`))}</p>`
  if (block.kind === 'pin')
    return html`<p dir="ltr" style="font-size:1.75em;letter-spacing:.15em">
      <strong>${block.pin}</strong>
    </p>`
  return html`<p><a href="${block.url}">${block.label}</a></p>
    <p>${say('copyLink')}<br /><span dir="ltr" style="word-break:break-all">${block.url}</span></p>`
}

/** The bodies of a mail, which say the same: a plain one, and one without images or remote parts. */
export const layOut = async (
  { subject, blocks }: Draft,
  language: Language,
  say: Say,
): Promise<Pick<Mail, 'subject' | 'text' | 'html' | 'language'>> => {
  const page = html`<!doctype html>
    <html lang="${language}" dir="${directionOf(language)}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${subject}</title>
      </head>
      <body style="font-family:sans-serif;line-height:1.5;max-width:36em;margin:1em auto">
        ${blocks.map((block) => htmlOf(block, say))}
      </body>
    </html>`
  const text = `${blocks.map(textOf).join('\n\n')}\n`
  return { subject, text, html: (await page).toString(), language }
}
