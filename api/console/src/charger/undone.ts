/** What of OCPP is not undone: the question that is asked before it is sent. */

type Body = Readonly<Record<string, unknown>>;

const FIRMWARE = "The charger installs other firmware, and restarts; what it runs now is replaced.";
const STOPS = "The transaction ends, and whoever charges there with it.";

const QUESTIONS: Readonly<Record<string, string | ((body: Body) => string | null)>> = {
  CancelReservation: "The reservation is given up; others can take the place.",
  CertificateSigned: "The charger takes this certificate in place of the one that it has.",
  ClearCache: "The charger forgets all tokens that it has let in before.",
  ClearChargingProfile:
    "The charging profiles that this names are taken back; without a name, all.",
  ClearDERControl: "The controls that this names are taken back; without a name, all.",
  ClearDisplayMessage: "The message is taken off the charger's display.",
  ClearTariffs: "The tariffs that this names are taken back; without a name, all.",
  ClearVariableMonitoring: "These monitors are removed; what they watch for is not told any more.",
  CustomerInformation: ({ clear }) =>
    clear === true ? "What the charger knows of this customer is deleted there." : null,
  DeleteCertificate:
    "The certificate is deleted from the charger. It may not be able to connect without it.",
  PublishFirmware: "The charger hands this firmware out to others from then on.",
  RemoteStopTransaction: STOPS,
  RequestStopTransaction: STOPS,
  Reset: "The charger restarts; running transactions may end.",
  SendLocalList: ({ updateType }) =>
    updateType === "Full" ? "The whole list of the charger is replaced by this one." : null,
  SetNetworkProfile:
    "The charger may connect in another way from then on. Where that is wrong, it does not come back.",
  SignedUpdateFirmware: FIRMWARE,
  UnlockConnector: "The cable is released; on most chargers that ends its transaction.",
  UnpublishFirmware: "The firmware is not handed out by this charger any more.",
  UpdateFirmware: FIRMWARE,
};

/** Return what to ask before an action is sent; null where it can be undone. */
export function questionBefore(action: string, body: Body): string | null {
  const question = QUESTIONS[action] ?? null;
  return typeof question === "function" ? question(body) : question;
}
