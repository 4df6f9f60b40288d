/** A user of the seed; times in ms before the moment of seeding. */
export type Person = {
  readonly username: string
  readonly firstName: string
  readonly lastName: string
  readonly email: string | null
  readonly createdAgo: number
  /** Null: never. */
  readonly signedInAgo: number | null
}

const firstNames =
  `Aaliyah Adriana Ahmed Aiko Alejandro Alice Amélie Amina Ana Andrea Andrej Anna Antonio Arjun Astrid
  Beatriz Benjamin Birgit Björn Bogdan Camille Carlos Chiara Chloé Daniel Dario David Diego Dimitra
  Dunja Elena Elif Emil Emma Erik Fatima Filip Fiona Florian Franjo François Freya Gabriel Giorgos
  Giulia Goran Hana Hannah Hiroshi Hugo Ibrahim Ines Ingrid Isabella Ivan Ivana Jakub Jan Jelena
  Johanna José Julia Kaito Karim Katarina Klara Kofi Lars Laura Layla Leon Liam Lina Luca Lucía Luka
  Magnus Maja Mara Marco Maria Marija Mateo Matej Mehmet Mia Mikael Mila Mohamed Nadia Naomi Nikola
  Nina Noah Nora Óscar Olga Oliver Olivia Omar Paula Pavel Pedro Petra Priya Rafael Raj Renata Robert
  Sakura Samuel Sara Šime Sofia Søren Stefan Tamara Tea Thomas Tomislav Valentina Vera Viktor Wei
  William Ximena Yasmin Yuki Zeynep Zlatko Zoran 伟 小龙 さくら 민준 Νίκος Ольга Сергей`.split(
    /\s+/,
  )

const lastNames =
  `Abe Adeyemi Andersson Babić Bauer Becker Bernard Björk Božić Brown Chen Costa Demir Diaz Dubois
  Ekberg Eriksson Fernández Ferrari Fischer Garcia Gonzalez Haas Hansen Hernández Horvat Ivanov
  Jensen Johansson Jones Jurić Kaya Khan Kim Kovač Kovačević Kowalski Kumar Larsen Lefèvre Li Lopez
  Marić Martin Meyer Miller Moreau Müller Murphy Nguyen Nielsen Novak O'Connor Okafor Papadopoulos
  Park Pavlović Pereira Perić Petrov Popescu Ricci Rossi Santos Sato Schmidt Schneider Silva Singh
  Smith Suzuki Tanaka Tomić Vidović Wagner Weber Wójcik Wong Yılmaz Zhang Zimmermann`.split(/\s+/)

const beginnings = `Al Bar Ber Bran Cal Dal Dor Fal Gar Gor Hal Kal Kar Lan Mar Mel Nor Or Pal Per
  Rad Ros Sal San Tar Tor Val Var Ver Wal Zan Zel`.split(/\s+/)
const middles = `a an ar e el en er i il in ir o ol on or u ul un ur y`.split(/\s+/)
const ends = `berg bić dal der dini ford gren hoff ić jev kin lund mann nen ov ović quist rić ro sen
  ski son stad ti tov vić witz zak`.split(/\s+/)

const hosts = `example.com example.net example.org mail.example post.example web.example
  acme.example globex.example initech.example umbrella.example hooli.example contoso.example`.split(
  /\s+/,
)

/** The same numbers in every run (mulberry32), from 0 up to 1. */
export const createDice = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export type Dice = ReturnType<typeof createDice>

/** The first ones are common, the last ones rare. */
const one = (of: readonly string[], dice: Dice): string =>
  of[Math.floor(dice() ** 1.3 * of.length)] ?? ''

/** Half of the people have one of the common names, the others one of some thousand. */
const lastNameOf = (dice: Dice): string =>
  dice() < 0.5 ? one(lastNames, dice) : one(beginnings, dice) + one(middles, dice) + one(ends, dice)

/** As people are written in addresses: ASCII alone, without accents; nothing of other scripts. */
const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase()

const day = 86_400_000

/** The same person for the same number; usernames and addresses are unique by the number in them. */
export const personOf = (index: number, dice: Dice): Person => {
  const firstName = one(firstNames, dice)
  const lastName = lastNameOf(dice)
  const [first, last] = [plain(firstName) || 'user', plain(lastName)]
  const username =
    dice() < 0.7 ? `${first}.${last}${index}` : `${first.slice(0, 1)}${last}-${index}`
  const createdAgo = Math.floor((1_000 - (index % 1_000) + dice()) * day)
  return {
    username,
    firstName,
    lastName,
    email: dice() < 0.02 ? null : `${username}@${one(hosts, dice)}`,
    createdAgo,
    signedInAgo: dice() < 0.15 ? null : Math.floor(dice() ** 3 * createdAgo),
  }
}
