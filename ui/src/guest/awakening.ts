/** The edge to the machine's sleep and the network's return: a socket that slept looks open and may be dead. */

const LOOK_EVERY_MS = 5_000;
/** A page in the background is looked after once a minute: longer than this and the machine slept. */
const SLEPT_MS = 90_000;

/** Calls when the machine has slept or the network is back, until the returned function is called. */
export function onAwakening(awake: () => void, now: () => number = Date.now): () => void {
  let last = now();
  const timer = setInterval(() => {
    const slept = now() - last > SLEPT_MS;
    last = now();
    if (slept) awake();
  }, LOOK_EVERY_MS);
  addEventListener("online", awake);
  return () => {
    clearInterval(timer);
    removeEventListener("online", awake);
  };
}
