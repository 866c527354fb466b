/** What is asked for where connection details are stored, and what the API is told. */

import type { Details } from "./types";

export interface DetailsAnswers {
  connectivityMode: Details["connectivityMode"];
  url: string;
  caCertificate: string;
  caCertificateDomain: string;
  basicAuthPassword: string;
  applyToNewDevices: boolean;
}

/** Begin with what was stored last; its password is not told to everybody, so it is asked for anew. */
export function answersFrom(latest: Details | null): DetailsAnswers {
  const args = latest?.websocketConnectionArgs;
  return {
    connectivityMode: latest?.connectivityMode ?? "DualProtocol",
    url: args?.url ?? "",
    caCertificate: args?.caCertificate ?? "",
    caCertificateDomain: args?.caCertificateDomain ?? "",
    basicAuthPassword: "",
    applyToNewDevices: latest?.applyToNewDevices ?? false,
  };
}

export function detailsOf(answers: DetailsAnswers): Record<string, unknown> {
  const { connectivityMode, url, caCertificate, caCertificateDomain } = answers;
  const shared = { connectivityMode, applyToNewDevices: answers.applyToNewDevices };
  if (connectivityMode === "OcppOff") return shared;
  return {
    ...shared,
    websocketConnectionArgs: {
      url,
      caCertificate: caCertificate || null,
      caCertificateDomain: caCertificateDomain || null,
    },
    basicAuthPassword: answers.basicAuthPassword || null,
  };
}

/** Tell whether an authority is needed: the certificate of the server is checked by it alone. */
export function needsAuthority({ url }: DetailsAnswers): boolean {
  return !url.toLowerCase().startsWith("ws://");
}
