import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { queries } from "./lib/queries";
import { takeKeyFromAddress } from "./lib/session";
import "./styles.css";

takeKeyFromAddress();
// Also where the console is open already; before the router takes it for a page.
addEventListener("hashchange", takeKeyFromAddress);

const root = document.getElementById("console");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
}
