/** Who may use the API: keys, and people. */

import { Keys } from "../keys/Keys";
import { Members } from "../keys/Members";
import { useRefusal } from "../lib/may";
import { Empty } from "../parts/Notice";
import "./filters.css";
import "./keys.css";

export function KeysPage() {
  const refused = useRefusal("admin");
  return (
    <>
      <h1>API keys</h1>
      {refused ? (
        <Empty title="Only an admin sees keys and members.">{refused}</Empty>
      ) : (
        <>
          <Keys />
          <Members />
        </>
      )}
    </>
  );
}
