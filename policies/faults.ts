/** A fault in input: where it stands (`entries.3.range`) and what would be right there. */
export type Fault = { readonly path: string; readonly message: string }
