import type { MailTexts } from './mail-en.ts'

export const mail: MailTexts = {
  hello: 'Guten Tag {{name}},',
  helloUnnamed: 'Guten Tag,',
  fact: '{{label}}: {{value}}',
  automatic:
    'Diese Nachricht wurde automatisch von {{site}} gesendet. Bitte antworten Sie nicht darauf.',
  support: 'Bei Fragen schreiben Sie bitte an {{support}}.',
  copyLink:
    'Falls sich der Link oben nicht öffnen lässt, kopieren Sie diese Adresse in Ihren Browser:',
  once: 'Der Link kann nur einmal verwendet werden.',
  resetPassword: 'Passwort zurücksetzen',
  wasYou: 'Falls Sie das waren, müssen Sie nichts weiter tun.',
  notYou:
    'Falls Sie das nicht waren, ändern Sie umgehend Ihr Passwort und informieren Sie Ihren Administrator.',
  unexpected:
    'Falls Sie diese Änderung nicht erwartet haben, wenden Sie sich umgehend an Ihren Administrator.',
  ignore: 'Falls Sie diese Nachricht nicht erwartet haben, können Sie sie ignorieren.',
  label: {
    username: 'Benutzername',
    name: 'Name',
    email: 'E-Mail-Adresse',
    mobile: 'Mobilnummer',
    account: 'Konto',
    invitedBy: 'Eingeladen von',
    requestedBy: 'Beantragt von',
    time: 'Zeitpunkt',
    validUntil: 'Gültig bis',
    lockedUntil: 'Gesperrt bis',
    expires: 'Läuft ab',
    address: 'IP-Adresse',
    device: 'Gerät',
    channel: 'Kanal',
    protocol: 'Protokoll',
    apiKey: 'API-Schlüssel',
    userId: 'Benutzer-ID',
  },
  channel: { email: 'E-Mail', sms: 'SMS', voice: 'Sprachanruf', totp: 'Authentifizierungs-App' },
  accountCreated: {
    subject: 'Ihr Konto wurde erstellt',
    body: 'Für Sie wurde ein Konto erstellt. Legen Sie ein Passwort fest, um sich zum ersten Mal anzumelden.',
    action: 'Passwort festlegen',
  },
  invite: {
    subject: 'Sie wurden eingeladen',
    body: 'Sie wurden eingeladen, ein Konto zu erstellen. Nehmen Sie die Einladung an und vervollständigen Sie Ihr Profil.',
    action: 'Einladung annehmen',
  },
  unlocked: {
    subject: 'Ihr Konto wurde entsperrt',
    body: 'Ihr Konto wurde entsperrt. Sie können sich wieder anmelden.',
    how: 'Falls Sie Ihr Passwort vergessen haben, können Sie ein neues festlegen:',
  },
  locked: {
    subject: 'Ihr Konto wurde gesperrt',
    body_one: 'Ihr Konto wurde nach {{count}} fehlgeschlagenen Anmeldeversuch gesperrt.',
    body_other: 'Ihr Konto wurde nach {{count}} fehlgeschlagenen Anmeldeversuchen gesperrt.',
    untilAdmin: 'Es bleibt gesperrt, bis ein Administrator es entsperrt.',
    hint: 'Falls diese Versuche nicht von Ihnen stammen, versucht möglicherweise jemand, Ihr Passwort zu erraten. Informieren Sie Ihren Administrator.',
  },
  passwordChanged: {
    subject: 'Ihr Passwort wurde geändert',
    body: 'Das Passwort Ihres Kontos wurde geändert.',
  },
  emailChanged: {
    subject: 'Ihre E-Mail-Adresse wurde geändert',
    body: 'Die E-Mail-Adresse Ihres Kontos wurde geändert.',
    removed: 'Die E-Mail-Adresse Ihres Kontos wurde entfernt.',
  },
  mobileChanged: {
    subject: 'Ihre Mobilnummer wurde geändert',
    body: 'Die Mobilnummer Ihres Kontos wurde geändert.',
    removed: 'Die Mobilnummer Ihres Kontos wurde entfernt.',
  },
  secondFactor: {
    subject: 'Ihre Zwei-Faktor-Authentifizierung wurde geändert',
    channel: 'Ihre PINs erhalten Sie jetzt über einen anderen Kanal.',
    always: 'Eine PIN wird jetzt bei jeder Anmeldung verlangt.',
    remembered: 'Eine PIN wird jetzt nur noch bei der Anmeldung von einem neuen Gerät verlangt.',
    authenticatorAdded: 'Eine Authentifizierungs-App wurde hinzugefügt.',
    authenticatorRemoved: 'Eine Authentifizierungs-App wurde entfernt.',
    recoveryCodes:
      'Neue Wiederherstellungscodes wurden erstellt. Die bisherigen gelten nicht mehr.',
    deviceRemoved: 'Ein gemerktes Gerät wurde entfernt.',
  },
  keyExpiring: {
    subject: 'Ein API-Schlüssel läuft bald ab',
    body_one: 'Ein API-Schlüssel läuft in {{count}} Tag ab.',
    body_other: 'Ein API-Schlüssel läuft in {{count}} Tagen ab.',
    advice: 'Erneuern Sie den Schlüssel rechtzeitig, damit Ihre Anwendungen weiter funktionieren.',
  },
  newDevice: {
    subject: 'Anmeldung von einem neuen Gerät',
    body: 'Jemand hat sich von einem neuen Gerät bei Ihrem Konto angemeldet.',
  },
  pin: {
    subject: 'Ihre PIN',
    body: 'Geben Sie diese PIN ein, um fortzufahren:',
    validity_one: 'Sie ist {{count}} Minute gültig und kann nur einmal verwendet werden.',
    validity_other: 'Sie ist {{count}} Minuten gültig und kann nur einmal verwendet werden.',
    secret: 'Geben Sie diese PIN niemals weiter. Wir werden Sie nie danach fragen.',
  },
  verifyEmail: {
    subject: 'Bestätigen Sie Ihre E-Mail-Adresse',
    body: 'Bitte bestätigen Sie, dass diese E-Mail-Adresse Ihnen gehört.',
    action: 'E-Mail-Adresse bestätigen',
  },
  passwordReset: {
    subject: 'Setzen Sie Ihr Passwort zurück',
    body: 'Für Ihr Konto wurde das Zurücksetzen des Passworts angefordert.',
    unasked:
      'Falls Sie es nicht angefordert haben, ignorieren Sie diese Nachricht: Ihr Passwort bleibt unverändert.',
  },
  deletion: {
    subject: 'Löschung eines Kontos beantragt',
    body: 'Die Löschung dieses Benutzerkontos wurde beantragt. Der Benutzer ist markiert und wartet auf Ihre Entscheidung.',
  },
}
