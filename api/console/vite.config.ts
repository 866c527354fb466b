import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Lay a packed copy beside each large file, so that the server packs nothing. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    writeBundle({ dir = "" }) {
      for (const name of readdirSync(`${dir}/assets`).filter((file) => /\.(js|css)$/.test(file))) {
        const file = `${dir}/assets/${name}`;
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
      }
    },
  };
}

const API = ["/api", "/local-ocpp", "/healthz", "/readyz", "/openapi.json"];

export default defineConfig({
  // Every text on a page goes through it: names are of strangers.
  plugins: [react({ jsxImportSource: "/src/harmless" }), packed()],
  build: {
    // Inlined assets would need `data:` in more of the content security policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { input: ["index.html", "docs.html"] },
  },
  server: { proxy: Object.fromEntries(API.map((path) => [path, "http://127.0.0.1:8080"])) },
});
