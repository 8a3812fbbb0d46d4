/** The gallery in a real Chromium, spoken to over a pipe: no port, no driver. For chores only. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const CHROMIUM = process.env["CHROMIUM"] ?? "chromium";
/** How long an answer of the browser may take. */
const ANSWER_MS = 60_000;
/** A page is still once nothing moved for so long, and is looked at anyway after so many looks. */
const STILL_MS = 60;
const LOOKS = 20;

/** Serves the gallery and opens a browser on it; `close` ends both. */
export async function openGallery() {
  const server = await createServer({
    configFile: fileURLToPath(new URL("../vite.config.ts", import.meta.url)),
    mode: "gallery",
    logLevel: "error",
    server: { host: "127.0.0.1", port: 0, strictPort: false, hmr: false, watch: null },
  });
  await server.listen();
  const { port } = server.httpServer.address();
  const browser = await openBrowser();
  return {
    address: `http://127.0.0.1:${port}`,
    ...browser,
    close: async () => {
      await browser.close();
      await server.close();
    },
  };
}

async function openBrowser() {
  const profile = await mkdtemp(join(tmpdir(), "ahoy-gallery-"));
  const child = spawn(
    CHROMIUM,
    [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
      "--lang=en", "--force-color-profile=srgb", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank",
    ],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
  );
  const [, , , out, back] = child.stdio;
  const waiting = new Map();
  let last = 0;
  let text = "";
  back.setEncoding("utf8");
  back.on("data", (chunk) => {
    const parts = (text + chunk).split("\0");
    text = parts.pop();
    for (const part of parts) {
      const { id, result, error } = JSON.parse(part);
      const answer = waiting.get(id);
      waiting.delete(id);
      if (error) answer?.reject(new Error(error.message));
      else answer?.resolve(result);
    }
  });
  child.on("exit", () => {
    for (const { reject } of waiting.values()) reject(new Error("the browser is gone"));
  });

  const call = (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), ANSWER_MS);
      waiting.set(id, {
        resolve: (value) => (clearTimeout(timer), resolve(value)),
        reject: (error) => (clearTimeout(timer), reject(error)),
      });
      out.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
    });

  const { targetId } = await call("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
  const page = (method, params) => call(method, params, sessionId);
  await page("Page.enable");
  // What moves is never looked at twice the same.
  await page("Emulation.setEmulatedMedia", { features: [{ name: "prefers-reduced-motion", value: "reduce" }] });

  async function run(expression) {
    const { result, exceptionDetails } = await page("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  return {
    run,
    /** Shows an address in a window of this size; `zoom` is the size of the text, 2 for 200 %. */
    async show(url, { width, height, zoom = 1 }) {
      await page("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
      // What the user set in the browser: rem follows, also where a style asks for the width of the window.
      await page("Page.setFontSizes", { fontSizes: { standard: 16 * zoom, fixed: 13 * zoom } });
      await page("Page.navigate", { url });
      await run(`(async () => {
        const rest = () => new Promise((done) => setTimeout(done, ${STILL_MS}));
        const shown = () => document.querySelector("#app *, body > ul");
        for (let look = 0; look < 1000 && !shown(); look++) await rest();
        if (!shown()) throw new Error("the page stays empty");
        const style = document.createElement("style");
        style.textContent = "*{transition:none!important;caret-color:transparent!important}";
        document.head.append(style);
        let before = "";
        for (let look = 0; look < ${LOOKS}; look++) {
          await rest();
          const now = document.getElementById("app")?.innerHTML ?? "";
          if (now === before) break;
          before = now;
        }
      })()`);
    },
    /** The window as a PNG. */
    async picture() {
      const { data } = await page("Page.captureScreenshot", { format: "png" });
      return Buffer.from(data, "base64");
    },
    async close() {
      await call("Browser.close").catch(() => undefined);
      if (child.exitCode === null) await new Promise((gone) => child.once("exit", gone));
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The names of all fixtures. */
export async function fixtureNames({ address, show, run }) {
  await show(`${address}/`, { width: 480, height: 900 });
  return run(`[...new Set([...document.querySelectorAll("a")].map((a) => new URL(a.href).search.slice(1).split("&")[0]))]`);
}
