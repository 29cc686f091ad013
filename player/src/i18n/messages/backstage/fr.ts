import type { BackstageMessages } from '../../i18n.ts'

export default {
  voice: {
    microphone: 'Micro',
    loudspeaker: 'Haut-parleur',
    systemDevice: 'Celui de cet appareil',
    levelGood: 'Votre voix arrive',
    levelSilent: 'Dites quelque chose : la barre suit votre voix',
    check: 'Vérifier votre son',
    hearYourself: 'Écoutez-vous',
    stop: 'Arrêter',
    hear: {
      idle: 'Parlez quatre secondes, puis écoutez. Rien ne quitte cet appareil.',
      recording: 'Parlez. Personne d’autre ne vous entend.',
      playing: 'Voilà comment vous sonnez.',
    },
    hearFailed: 'Ce navigateur n’a pas pu vous enregistrer.',
    unmute: 'Rouvrir',
    talkingMuted: 'Vous parlez, mais votre micro est coupé',
    talkingLocked: 'Vous parlez, mais l’hôte a coupé votre micro',
    locked: 'Seul l’hôte peut rouvrir votre micro',
    micLocked: 'Verrouillé par l’hôte',
    micMissing: 'Aucun micro',
    micGone: 'Votre micro a disparu. Branchez-en un : vous entendez les autres en attendant.',
    micOther: 'Vous parlez maintenant dans un autre micro : {label}',
    handUp: 'Votre main est levée. Dès que l’hôte vous accepte, vous êtes à l’antenne.',
    handReady: 'Votre micro est prêt : vous serez à l’antenne dès que l’hôte vous accepte.',
    handNoMic: 'Votre main est levée. Montez sur scène quand l’hôte vous accepte.',
    letOn: 'Vous êtes sur scène, et tout le monde vous entend.',
  },
} satisfies BackstageMessages
