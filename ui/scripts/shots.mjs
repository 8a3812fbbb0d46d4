/** `npm run shots -- FOLDER [NAME…]`: pictures of every state, both themes, 480 and 1440 px, and large letters. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fixtureNames, openGallery } from "./browser.mjs";

const [folder, ...wanted] = process.argv.slice(2);
if (!folder) {
  console.error("usage: npm run shots -- FOLDER [NAME…]");
  process.exit(2);
}

const SIZES = [
  { name: "480", width: 480, height: 900 },
  { name: "1440", width: 1440, height: 900 },
  { name: "480x360", width: 480, height: 360 },
  { name: "360", width: 360, height: 640 },
  { name: "200", width: 480, height: 360, zoom: 2 },
];

const gallery = await openGallery();
try {
  await mkdir(folder, { recursive: true });
  const names = wanted.length > 0 ? wanted : await fixtureNames(gallery);
  for (const name of names) {
    for (const size of SIZES) {
      for (const theme of ["dark", "light"]) {
        await gallery.show(`${gallery.address}/?${name}&theme=${theme}`, size);
        await writeFile(join(folder, `${name}-${size.name}-${theme}.png`), await gallery.picture());
      }
    }
  }
  console.log(`${names.length} states in ${folder}`);
} finally {
  await gallery.close();
}
