/** What is asked for where a charger is enrolled, and what the API is told. */

import type { Answers } from "./EnrolFields";

export const STARTING: Answers = {
  charge_box_id: "",
  charger_name: "",
  site_id: "",
  security_profile: "",
  proxied: false,
  target_platform_identifier: "",
  target_websocket_url: "",
  target_authentication_method: "None",
  target_auth_basic_username: "",
  target_auth_basic_password: "",
  target_auth_client_cert_id: "",
  target_charge_box_id: "",
  mode: "hybrid",
  role: "control",
};

export const FIELDS = Object.keys(STARTING);

const OF_BASIC = ["target_auth_basic_username", "target_auth_basic_password"];
const OF_CERTIFICATE = ["target_auth_client_cert_id"];
const NEEDED = ["charge_box_id", "target_platform_identifier", "target_websocket_url"];

/** Return the body of the request: what was left empty keeps its default. */
export function bodyOf({
  proxied,
  security_profile,
  ...answers
}: Answers): Record<string, unknown> {
  const method = answers.target_authentication_method;
  const told = Object.entries(answers).filter(([name, value]) => {
    if (!proxied && isOfTarget(name)) return false;
    if (OF_BASIC.includes(name) && method !== "Basic") return false;
    if (OF_CERTIFICATE.includes(name) && method !== "ClientCertificate") return false;
    return value !== "" || NEEDED.includes(name);
  });
  return {
    ...Object.fromEntries(told),
    ...(security_profile === "" ? {} : { security_profile: Number(security_profile) }),
  };
}

function isOfTarget(name: string): boolean {
  return name.startsWith("target_") || name === "mode" || name === "role";
}
