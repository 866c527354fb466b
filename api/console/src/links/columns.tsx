/** What a row tells of a link. */

import { ago, number } from "../lib/format";
import { place } from "../lib/place";
import { State } from "../parts/State";
import type { Column } from "../parts/Table";
import { advice } from "./advice";
import type { ProxyLink } from "./types";

export const COLUMNS: readonly Column<ProxyLink>[] = [
  {
    id: "charger",
    head: "Charger",
    width: "7rem",
    cell: (link) => (
      <a href={`#${place("/links", { open: String(link.proxy_configuration_id) })}`}>
        {link.charge_box_id}
      </a>
    ),
    value: (link) => link.charge_box_id,
  },
  {
    id: "target",
    head: "Target",
    width: "7.5rem",
    cell: (link) => (
      <span title={link.target_websocket_url}>{link.target_platform_identifier}</span>
    ),
    value: (link) => link.target_platform_identifier,
  },
  {
    id: "state",
    head: "State",
    width: "7.5rem",
    cell: (link) => <State of={link.state} />,
    value: (link) => link.state,
  },
  {
    id: "reason",
    head: "Why, and what to do",
    cell: (link) => <Why link={link} />,
  },
  {
    id: "since",
    head: "Since",
    width: "5.5rem",
    cell: (link) => (link.since ? ago(link.since) : "–"),
    value: (link) => link.since,
  },
  {
    id: "queue",
    head: "Waiting",
    width: "4.75rem",
    align: "right",
    cell: (link) => `${number(link.queue_length)}${link.queue_is_longer ? "+" : ""}`,
    value: (link) => link.queue_length,
  },
  {
    id: "oldest",
    head: "Oldest",
    width: "5.5rem",
    align: "right",
    cell: (link) => (link.oldest_queued_at ? ago(link.oldest_queued_at) : "–"),
    value: (link) => link.oldest_queued_at,
  },
  {
    id: "dead",
    head: "Dead letters",
    width: "4.75rem",
    align: "right",
    cell: (link) => (
      <span className={link.dead_letters > 0 ? "wrong" : undefined}>
        {number(link.dead_letters)}
      </span>
    ),
    value: (link) => link.dead_letters,
  },
];

function Why({ link: { state, reason } }: { link: ProxyLink }) {
  if (state === "ready") return null;
  return (
    <span className="why" title={advice(state, reason)}>
      {reason} <span className="quiet">{advice(state, reason)}</span>
    </span>
  );
}
