/**
 * `npm run axe [-- NAME…]`: axe over every state in a real Chromium, in both themes, at both ends of the sizes; and
 * whether anything is wider than its window.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fixtureNames, openGallery } from "./browser.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SIZES = [
  { width: 1440, height: 900 },
  { width: 480, height: 360 },
  { width: 360, height: 640 },
  { width: 480, height: 360, zoom: 2 },
];

const gallery = await openGallery();
let looked = 0;
const found = new Map();
try {
  const names = process.argv.length > 2 ? process.argv.slice(2) : await fixtureNames(gallery);
  for (const name of names) {
    for (const size of SIZES) {
      for (const theme of ["dark", "light"]) {
        const where = `${name}, ${size.width}x${size.height}${size.zoom ? ` at ${size.zoom * 100} %` : ""}, ${theme}`;
        await gallery.show(`${gallery.address}/?${name}&theme=${theme}`, size);
        await gallery.run(`${axe};0`);
        const problems = await gallery.run(`(async () => {
          const { violations } = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
          const wide = document.documentElement.scrollWidth > innerWidth ? ["wider than the window"] : [];
          return [...wide, ...violations.flatMap(({ id, help, nodes }) => nodes.map((node) => id + ": " + help + "\\n      " + node.target.join(" ") + " " + node.html.slice(0, 160) + "\\n      " + (node.any[0]?.message ?? node.all[0]?.message ?? node.none[0]?.message ?? "")))];
        })()`);
        for (const problem of problems) found.set(problem, [...(found.get(problem) ?? []), where]);
        looked++;
      }
    }
  }
} finally {
  await gallery.close();
}
for (const [problem, places] of found) console.log(`  ${problem}\n      in ${places.length}: ${places.slice(0, 3).join("; ")}`);
console.log(`${looked} pages looked at, ${found.size} problems`);
process.exit(found.size > 0 || looked === 0 ? 1 : 0);
