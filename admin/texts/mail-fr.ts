import type { MailTexts } from './mail-en.ts'

export const mail: MailTexts = {
  hello: 'Bonjour {{name}},',
  helloUnnamed: 'Bonjour,',
  fact: '{{label}} : {{value}}',
  automatic: 'Ce message a été envoyé automatiquement par {{site}}. Merci de ne pas y répondre.',
  support: 'Pour toute question, écrivez à {{support}}.',
  copyLink: 'Si le lien ci-dessus ne s’ouvre pas, copiez cette adresse dans votre navigateur :',
  once: 'Ce lien ne peut être utilisé qu’une seule fois.',
  resetPassword: 'Réinitialiser le mot de passe',
  wasYou: 'Si c’était vous, vous n’avez rien à faire.',
  notYou:
    'Si ce n’était pas vous, changez immédiatement votre mot de passe et informez votre administrateur.',
  unexpected:
    'Si vous ne vous attendiez pas à cette modification, contactez immédiatement votre administrateur.',
  ignore: 'Si vous ne vous attendiez pas à ce message, vous pouvez l’ignorer.',
  label: {
    username: 'Nom d’utilisateur',
    name: 'Nom',
    email: 'Adresse e-mail',
    mobile: 'Numéro de mobile',
    account: 'Compte',
    invitedBy: 'Invitation de',
    requestedBy: 'Demandé par',
    time: 'Date et heure',
    validUntil: 'Valable jusqu’au',
    lockedUntil: 'Verrouillé jusqu’au',
    expires: 'Expire le',
    address: 'Adresse IP',
    device: 'Appareil',
    channel: 'Canal',
    protocol: 'Protocole',
    apiKey: 'Clé d’API',
    userId: 'Identifiant de l’utilisateur',
  },
  channel: {
    email: 'E-mail',
    sms: 'SMS',
    voice: 'Appel vocal',
    totp: 'Application d’authentification',
  },
  accountCreated: {
    subject: 'Votre compte a été créé',
    body: 'Un compte a été créé pour vous. Définissez un mot de passe pour vous connecter une première fois.',
    action: 'Définir le mot de passe',
  },
  invite: {
    subject: 'Vous avez reçu une invitation',
    body: 'Vous êtes invité à créer un compte. Acceptez l’invitation et complétez votre profil.',
    action: 'Accepter l’invitation',
  },
  unlocked: {
    subject: 'Votre compte a été déverrouillé',
    body: 'Votre compte a été déverrouillé, vous pouvez de nouveau vous connecter.',
    how: 'Si vous avez oublié votre mot de passe, vous pouvez en définir un nouveau :',
  },
  locked: {
    subject: 'Votre compte a été verrouillé',
    body_one: 'Votre compte a été verrouillé après {{count}} tentative de connexion échouée.',
    body_many: 'Votre compte a été verrouillé après {{count}} de tentatives de connexion échouées.',
    body_other: 'Votre compte a été verrouillé après {{count}} tentatives de connexion échouées.',
    untilAdmin: 'Il reste verrouillé jusqu’à ce qu’un administrateur le déverrouille.',
    hint: 'Si ces tentatives ne viennent pas de vous, quelqu’un essaie peut-être de deviner votre mot de passe. Informez votre administrateur.',
  },
  passwordChanged: {
    subject: 'Votre mot de passe a été modifié',
    body: 'Le mot de passe de votre compte a été modifié.',
  },
  emailChanged: {
    subject: 'Votre adresse e-mail a été modifiée',
    body: 'L’adresse e-mail de votre compte a été modifiée.',
    removed: 'L’adresse e-mail de votre compte a été supprimée.',
  },
  mobileChanged: {
    subject: 'Votre numéro de mobile a été modifié',
    body: 'Le numéro de mobile de votre compte a été modifié.',
    removed: 'Le numéro de mobile de votre compte a été supprimé.',
  },
  secondFactor: {
    subject: 'Votre authentification à deux facteurs a été modifiée',
    channel: 'Vos codes PIN vous parviennent désormais par un autre canal.',
    always: 'Un code PIN est désormais demandé à chaque connexion.',
    remembered:
      'Un code PIN n’est désormais demandé que lorsque vous vous connectez depuis un nouvel appareil.',
    authenticatorAdded: 'Une application d’authentification a été ajoutée.',
    authenticatorRemoved: 'Une application d’authentification a été supprimée.',
    recoveryCodes:
      'De nouveaux codes de récupération ont été créés. Les précédents ne fonctionnent plus.',
    deviceRemoved: 'Un appareil mémorisé a été supprimé.',
  },
  keyExpiring: {
    subject: 'Une clé d’API va bientôt expirer',
    body_one: 'Une clé d’API expire dans {{count}} jour.',
    body_many: 'Une clé d’API expire dans {{count}} de jours.',
    body_other: 'Une clé d’API expire dans {{count}} jours.',
    advice: 'Renouvelez la clé à temps pour que vos applications continuent de fonctionner.',
  },
  newDevice: {
    subject: 'Connexion depuis un nouvel appareil',
    body: 'Quelqu’un s’est connecté à votre compte depuis un nouvel appareil.',
  },
  pin: {
    subject: 'Votre code PIN',
    body: 'Saisissez ce code PIN pour continuer :',
    validity_one: 'Il est valable {{count}} minute et ne peut être utilisé qu’une seule fois.',
    validity_many: 'Il est valable {{count}} de minutes et ne peut être utilisé qu’une seule fois.',
    validity_other: 'Il est valable {{count}} minutes et ne peut être utilisé qu’une seule fois.',
    secret: 'Ne communiquez jamais ce code PIN. Nous ne vous le demanderons jamais.',
  },
  verifyEmail: {
    subject: 'Confirmez votre adresse e-mail',
    body: 'Veuillez confirmer que cette adresse e-mail est bien la vôtre.',
    action: 'Confirmer l’adresse e-mail',
  },
  passwordReset: {
    subject: 'Réinitialisez votre mot de passe',
    body: 'La réinitialisation du mot de passe de votre compte a été demandée.',
    unasked:
      'Si vous ne l’avez pas demandée, ignorez ce message : votre mot de passe reste inchangé.',
  },
  deletion: {
    subject: 'Suppression de compte demandée',
    body: 'La suppression de ce compte utilisateur a été demandée. L’utilisateur est marqué et attend votre décision.',
  },
}
