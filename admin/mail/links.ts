/** A page of ours under the base of links; what is behind it in the base's path stays. */
const under = (publicUrl: string, path: string): string =>
  `${publicUrl.replace(/\/+$/, '')}/${path}`

/** Where a password is set by a token. */
export const passwordLink = (publicUrl: string, token: string): string =>
  under(publicUrl, `password/${encodeURIComponent(token)}`)

/** Where an invite is accepted. */
export const inviteLink = (publicUrl: string, token: string): string =>
  under(publicUrl, `invite/${encodeURIComponent(token)}`)
