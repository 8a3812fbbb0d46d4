/** Every screen and state, for the gallery and the tests. */
import { broadcasts } from "./broadcasts";
import { calls } from "./calls";
import { ends } from "./ends";
import { entry } from "./entry";
import { links } from "./links";
import { relays } from "./relays";
import type { Fixture } from "./views";

export * from "./views";

export const fixtures = { ...entry, ...links, ...calls, ...broadcasts, ...relays, ...ends } satisfies Record<string, Fixture>;

export type FixtureName = keyof typeof fixtures;
