/** `a***@example.com`: enough for its owner, too little for others. */
export const maskEmail = (address: string): string => {
  const at = address.lastIndexOf('@')
  return `${address.slice(0, Math.min(1, at))}***${address.slice(at)}`
}

/** `+38*******12`: the beginning of the country prefix, and the last two digits. */
export const maskNumber = (number: string): string =>
  number.length < 8
    ? '***'
    : `${number.slice(0, 3)}${'*'.repeat(number.length - 5)}${number.slice(-2)}`
