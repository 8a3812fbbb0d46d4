// Runs inside a page while it is looked at.
const look = (() => {
  // State from one look to the next.
  const kept = (window.__ahoyLook ??= { still: null, theme: null, hand: null });
  const root = document.documentElement;

  // A hand on the mouse: then the controls of a call are there.
  const move = () =>
    document.querySelector("[data-testid=call]")?.dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));

  // Waits until nothing moves any more: after a change of size a layout comes to rest in several steps.
  const FRAMES = 60;
  const rest = async () => {
    const places = () => JSON.stringify([...document.querySelectorAll("button")].map((each) => each.getBoundingClientRect()));
    let before = "";
    for (let frame = 0; frame < FRAMES && before !== places(); frame++) {
      before = places();
      for (let painted = 0; painted < 2; painted++) await new Promise(requestAnimationFrame);
    }
  };

  // Shows the page in this theme, with nothing half way from one colour to the next.
  const show = async (theme) => {
    if (!kept.still) {
      // The page's own policy allows no style elements.
      kept.still = new CSSStyleSheet();
      kept.still.replaceSync("*, *::before, *::after { transition: none !important; caret-color: transparent !important }");
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, kept.still];
      kept.theme = root.dataset.theme;
      kept.hand = setInterval(move, 500);
    }
    move();
    root.dataset.theme = theme;
    scrollTo(0, 0);
    await rest();
  };

  // What axe finds, a line for each part, and whether the page is wider than its window.
  const find = async () => {
    const wide = root.scrollWidth > innerWidth ? [`wider than the window: ${root.scrollWidth} px`] : [];
    const { violations } = await axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
      resultTypes: ["violations"],
      preload: false,
    });
    const lines = violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, html, any, all, none }) => {
        const why = (any[0] ?? all[0] ?? none[0])?.message ?? "";
        return `${id}: ${help}: ${target.join(" ")} ${html.slice(0, 160)} ${why}`;
      }),
    );
    return [...wide, ...lines];
  };

  // What tells one state from another.
  const state = () => {
    const part = (name) => document.querySelector(`[data-testid="${name}"]`);
    const { phase } = part("call")?.dataset ?? {};
    return JSON.stringify({
      phase,
      ended: part("ended")?.dataset.reason,
      error: part("error")?.dataset.code,
      busy: part("join")?.ariaBusy,
      relayLost: part("relay-lost") !== null,
      cover: part("cover")?.textContent,
      status: part("status")?.textContent,
      watching: part("viewer-count")?.textContent,
      others: document.querySelectorAll("[data-testid=peer][data-state=connected]").length,
    });
  };

  // The page as it was.
  const end = () => {
    if (!kept.still) return;
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== kept.still);
    root.dataset.theme = kept.theme;
    clearInterval(kept.hand);
    kept.still = null;
  };

  return { rest, show, find, state, end };
})();
