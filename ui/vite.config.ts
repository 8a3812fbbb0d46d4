import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig, type Plugin } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The fixed ports of the development servers; `tauri.conf.json` names the app's. */
const PORTS: Record<string, number> = { app: 1420, guest: 1421, gallery: 1422 };

/** Where `npm run dev:guest` finds a relay. */
const DEV_RELAY = "http://127.0.0.1:3002";

export default defineConfig(({ mode }) => {
  const testing = mode === "test";
  const entry = mode in PORTS ? mode : "app";
  return {
    root: testing ? here(".") : here(`./src/${entry}`),
    cacheDir: here(`./node_modules/.vite/${entry}`),
    publicDir: false,
    // `svelteTesting` only changes how Vitest resolves; its type is that of Vitest's own copy of Vite.
    plugins: [svelte({ configFile: here("./svelte.config.js") }), ...(testing ? [svelteTesting() as Plugin] : [])],
    server: {
      port: PORTS[entry],
      strictPort: true,
      fs: { allow: [here("."), here("../icons"), here("../src-tauri/crates/contract/vectors"), here("../src-tauri/crates/contract/words.json")] },
      proxy: { "/ws": { target: DEV_RELAY, ws: true, rewriteWsOrigin: true } },
    },
    build: {
      outDir: here(`./dist/${entry}`),
      emptyOutDir: true,
      target: ["es2022", "safari16"],
      // A strict Content-Security-Policy takes no `data:` addresses.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
    test: {
      environment: "jsdom",
      include: ["src/**/*.test.ts"],
      setupFiles: [here("./src/test/setup.ts")],
    },
  };
});
