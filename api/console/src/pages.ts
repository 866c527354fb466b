/** The pages that are not the first one: read when they are come to, or before, when there is time. */

import { lazy } from "react";

const READ = {
  charger: () => import("./pages/ChargerPage").then((page) => ({ default: page.ChargerPage })),
  messages: () => import("./pages/MessagesPage").then((page) => ({ default: page.MessagesPage })),
  links: () => import("./pages/LinksPage").then((page) => ({ default: page.LinksPage })),
  connectors: () =>
    import("./pages/ConnectorsPage").then((page) => ({ default: page.ConnectorsPage })),
  sites: () => import("./pages/SitesPage").then((page) => ({ default: page.SitesPage })),
  site: () => import("./pages/SitePage").then((page) => ({ default: page.SitePage })),
  audit: () => import("./pages/AuditPage").then((page) => ({ default: page.AuditPage })),
  keys: () => import("./pages/KeysPage").then((page) => ({ default: page.KeysPage })),
};

export const ChargerPage = lazy(READ.charger);
export const MessagesPage = lazy(READ.messages);
export const LinksPage = lazy(READ.links);
export const ConnectorsPage = lazy(READ.connectors);
export const SitesPage = lazy(READ.sites);
export const SitePage = lazy(READ.site);
export const AuditPage = lazy(READ.audit);
export const KeysPage = lazy(READ.keys);

const WHEN_IDLE_MS = 4000;

/** Read them all, once the first page has had time: they are there when the server is not. */
export function readAhead(): () => void {
  const timer = setTimeout(() => {
    // What cannot be read now is read when it is come to.
    for (const read of Object.values(READ)) read().catch(() => undefined);
  }, WHEN_IDLE_MS);
  return () => clearTimeout(timer);
}
