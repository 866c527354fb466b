import { Suspense, useEffect } from "react";
import { Route, Router, Switch, useLocation } from "wouter";
import { decoded, useFragment } from "./lib/place";
import { useSession } from "./lib/session";
import { useTick } from "./lib/tick";
import { FleetPage } from "./pages/FleetPage";
import { LoginPage } from "./pages/LoginPage";
import {
  AuditPage,
  ChargerPage,
  ConnectorsPage,
  KeysPage,
  LinksPage,
  MessagesPage,
  readAhead,
  SitePage,
  SitesPage,
} from "./pages";
import { Boundary } from "./parts/Boundary";
import { Empty, Loading } from "./parts/Notice";
import { Shell } from "./parts/Shell";

export function App() {
  const { credential, organization } = useSession();
  if (!credential || !organization) return <LoginPage />;
  return (
    <Router hook={useFragment}>
      <Shell>
        <Pages />
      </Shell>
    </Router>
  );
}

function Pages() {
  const [path] = useLocation();
  useEffect(readAhead, []);
  // How long ago something was is told on every page, also where nothing more happens.
  useTick(15);
  return (
    <Boundary key={path}>
      <Suspense fallback={<Loading what="the page" />}>
        <Switch>
          <Route path="/" component={FleetPage} />
          <Route path="/chargers/:id">
            {({ id }) => <ChargerPage key={id} id={decoded(id)} />}
          </Route>
          <Route path="/messages" component={MessagesPage} />
          <Route path="/links" component={LinksPage} />
          <Route path="/connectors" component={ConnectorsPage} />
          <Route path="/sites" component={SitesPage} />
          <Route path="/sites/:id">{({ id }) => <SitePage key={id} id={decoded(id)} />}</Route>
          <Route path="/audit" component={AuditPage} />
          <Route path="/keys" component={KeysPage} />
          <Route>
            <Empty title="There is no such page.">Choose one from the menu.</Empty>
          </Route>
        </Switch>
      </Suspense>
    </Boundary>
  );
}
