/** Who comes in and who goes, the four words, and the chat, as the call's screen shows them. */
import { cleanup, render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import App from "../App.svelte";
import type { CallView } from "../contract/CallView";
import { FixtureBackend } from "../gallery/backend";
import { type Fixture, type FixtureName, CHAT, call, chat, fixtures, peer, view, waiting } from "../gallery/fixtures";

function show(fixture: FixtureName | Fixture): FixtureBackend {
  const backend = new FixtureBackend(typeof fixture === "string" ? fixtures[fixture] : fixture);
  render(App, { backend });
  return backend;
}

const inCall = (change: Partial<CallView>): Fixture => ({ kind: "app", view: view(call(change)) });
const part = (id: string) => screen.getByTestId(id);
const absent = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const knock = (peer: string, name: string) => ({ peer, name });

beforeEach(() => {
  HTMLCanvasElement.prototype.getContext = () => null;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.stubGlobal("AudioContext", undefined);
});

describe("somebody at the door", () => {
  it("is announced by name, one after the other, and let in or not", async () => {
    const backend = show(inCall({ knocks: [knock("a", "Jo"), knock("b", "Oma")] }));
    expect(screen.getAllByTestId("knock")).toHaveLength(1);
    expect(part("knock").textContent).toContain("Jo");
    expect(part("knock-more").textContent).toBe("+1 waiting");
    expect(screen.getByText("Jo asks to come in. +1 waiting").getAttribute("role")).toBe("status");
    await userEvent.click(part("admit"));
    // The view has not changed yet: a second press is not a second answer.
    await userEvent.click(part("admit"));
    backend.show(view(call({ knocks: [knock("b", "Oma")] })));
    await tick();
    absent("knock-more");
    await userEvent.click(part("deny"));
    expect(backend.commands).toEqual([
      { type: "admit", peer: "a", accept: true },
      { type: "admit", peer: "b", accept: false },
    ]);
  });

  it.each(["in the next view", "after a while"])("is asked about once more where there was no place: %s", async (when) => {
    vi.useFakeTimers();
    const jo = () => view(call({ knocks: [knock("a", "Jo")] }));
    const backend = show(inCall({ knocks: [knock("a", "Jo")] }));
    const press = (id: string) => part(id).dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));
    press("admit");
    await tick();
    if (when === "in the next view") backend.show(view(call({ knocks: [] })));
    await tick();
    backend.show(jo());
    await tick();
    if (when === "after a while") vi.advanceTimersByTime(2_000);
    await tick();
    press("deny");
    expect(backend.commands).toEqual([
      { type: "admit", peer: "a", accept: true },
      { type: "admit", peer: "a", accept: false },
    ]);
  });

  it("is not let in by the second half of a double click on the one before", async () => {
    const backend = show(inCall({ knocks: [knock("a", "Jo"), knock("b", "Oma")] }));
    part("admit").dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));
    backend.show(view(call({ knocks: [knock("b", "Oma")] })));
    await tick();
    part("admit").dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 2 }));
    expect(backend.commands).toEqual([{ type: "admit", peer: "a", accept: true }]);
  });

  it("is there while the host waits alone, and keeps the controls in sight", async () => {
    vi.useFakeTimers();
    show("waiting-knock");
    expect(part("admit")).toBeTruthy();
    cleanup();
    show("call-knock");
    await tick();
    vi.advanceTimersByTime(3500);
    await tick();
    expect(part("call").classList.contains("faded")).toBe(false);
  });

  it("without a name is a guest, and one of 1,000 is one card", () => {
    show(inCall({ knocks: Array.from({ length: 1000 }, (_, index) => knock(`${index}`, "")) }));
    expect(part("knock").textContent).toContain("Guest");
    expect(part("knock-more").textContent).toBe("+999 waiting");
  });

  it("rings softly, and many ring once", async () => {
    const started = vi.fn();
    const node = () => ({ gain: { setValueAtTime() {}, linearRampToValueAtTime() {}, exponentialRampToValueAtTime() {} }, connect: (to: unknown) => to, start: started, stop() {} });
    vi.stubGlobal("AudioContext", class { currentTime = 0; state = "running"; close() {} });
    vi.stubGlobal("OscillatorNode", function () { return node(); });
    vi.stubGlobal("GainNode", function () { return node(); });
    const backend = show("call-knock");
    backend.notify({ type: "peer_joined", peer: "x", name: "X" });
    expect(started).not.toHaveBeenCalled();
    for (const peer of ["a", "b", "c"]) backend.notify({ type: "knocked", peer, name: peer });
    expect(started).toHaveBeenCalledTimes(2);
  });

  it("waits in words, and can leave", async () => {
    const backend = show("guest-knocking");
    expect(screen.getByRole("heading", { name: "Waiting to be let in" })).toBeTruthy();
    expect(part("status").textContent).toBe("Waiting to be let in…");
    await userEvent.click(part("leave"));
    expect(backend.commands).toEqual([{ type: "hang_up" }]);
  });
});

describe("the people", () => {
  it("are listed; the host locks the door and sends one away, after a question", async () => {
    const backend = show(inCall({ peers: [peer("mika", "Mika"), peer("jo", "Jo", { muted: true })] }));
    await userEvent.click(part("people-toggle"));
    const people = within(part("panel"));
    expect(people.getByRole("img", { name: "Jo's microphone is off" })).toBeTruthy();
    await userEvent.click(people.getByRole("switch", { name: /Lock the call/ }));
    await userEvent.click(people.getByRole("button", { name: "Remove Jo" }));
    expect(people.getByText("Remove Jo from the call?")).toBeTruthy();
    await userEvent.click(part("remove-keep"));
    absent("remove-confirm");
    await userEvent.click(people.getByRole("button", { name: "Remove Jo" }));
    await userEvent.click(part("remove-confirm"));
    expect(backend.commands).toEqual([
      { type: "set_locked", locked: true },
      { type: "remove", peer: "jo" },
    ]);
  });

  it("show a guest that the call is locked, and no way to lock or remove", async () => {
    show("guest-people");
    expect(part("locked")).toBeTruthy();
    await userEvent.click(part("people-toggle"));
    expect(part("panel").textContent).toContain("nobody else can come in");
    for (const id of ["lock", "remove", "invite"]) absent(id);
  });

  it("have their panel closed by Escape, which gives the focus back; the error banner goes first", async () => {
    const backend = show("call");
    await userEvent.click(part("people-toggle"));
    expect(part("people-toggle").getAttribute("aria-expanded")).toBe("true");
    await userEvent.keyboard("{Escape}");
    absent("panel");
    expect(document.activeElement).toBe(part("people-toggle"));
    expect(backend.commands).toEqual([]);
  });

  it("leave, and with the last one their panel", async () => {
    const backend = show("call");
    await userEvent.click(part("people-toggle"));
    backend.show(view(waiting()));
    await tick();
    absent("panel");
  });
});

describe("the four words", () => {
  it("stand behind Verify, with what to do with them", async () => {
    show("call-verify");
    absent("words");
    await userEvent.click(screen.getByRole("button", { name: "Verify" }));
    expect(part("words").textContent).toBe("acorn harbour violin pepper");
    expect(part("panel").textContent).toContain("Read these four words to each other.");
  });

  it("are not promised before they are drawn", () => {
    show("call");
    absent("verify");
  });
});

describe("the chat", () => {
  const lines = () => screen.getAllByTestId("chat-line");

  it("shows who wrote what and when, and what has arrived", async () => {
    show("call-chat");
    await userEvent.click(part("chat-toggle"));
    expect(lines()).toHaveLength(CHAT.length);
    expect(lines()[0]?.querySelector("bdi")?.textContent).toBe("Mika");
    expect(lines()[0]?.querySelector("time")?.textContent).toMatch(/\d:\d\d/);
    expect(screen.getAllByTestId("chat-mark").map((mark) => mark.getAttribute("aria-label"))).toEqual(["Delivered", "Sent, not delivered yet"]);
  });

  it("makes links of web addresses only, and text of everything else", async () => {
    const evil = '<img src=x onerror="alert(1)"> javascript:alert(1) https://good.example@evil.example/ https://example.org/';
    show(inCall({ chat: chat(["<i>Mika</i>", evil]) }));
    await userEvent.click(part("chat-toggle"));
    expect(lines()[0]?.querySelector("p")?.textContent).toBe(evil);
    expect(lines()[0]?.querySelector("img, i, script")).toBeNull();
    const links = [...part("chat-lines").querySelectorAll("a")];
    expect(links.map(({ href, target, rel }) => [href, target, rel])).toEqual([["https://example.org/", "_blank", "noopener noreferrer"]]);
  });

  it("sends by Enter and by hand; Shift and Enter begins a line", async () => {
    const backend = show("call");
    await userEvent.click(part("chat-toggle"));
    expect(document.activeElement).toBe(part("chat-input"));
    expect(part("chat-send")).toHaveProperty("disabled", true);
    await userEvent.keyboard("mv one{Shift>}{Enter}{/Shift}two{Enter}");
    await userEvent.keyboard("  three ");
    await userEvent.click(part("chat-send"));
    await userEvent.keyboard("   {Enter}");
    expect(backend.commands).toEqual([
      { type: "send_chat", text: "mv one\ntwo" },
      { type: "send_chat", text: "three" },
    ]);
    expect(part("chat-input")).toHaveProperty("value", "   \n".slice(0, 3));
  });

  it("leaves Enter to those who compose letters with it", async () => {
    const backend = show("call");
    await userEvent.click(part("chat-toggle"));
    await userEvent.keyboard("ni");
    part("chat-input").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }));
    expect(backend.commands).toEqual([]);
  });

  it("says that a line is too long, whatever its letters, and sends nothing", async () => {
    const backend = show("call");
    await userEvent.click(part("chat-toggle"));
    await userEvent.click(part("chat-input"));
    await userEvent.paste("李".repeat(5461));
    expect(part("chat-too-long").textContent).toBe("");
    await userEvent.paste("ab");
    expect(part("chat-too-long").textContent).toContain("too long");
    await userEvent.keyboard("{Enter}");
    expect(backend.commands).toEqual([]);
  });

  it("counts what came while it was closed, and says whom it is from", async () => {
    const backend = show(inCall({ chat: chat(["Mika", "before"]) }));
    absent("chat-unread");
    backend.show(view(call({ chat: chat(["Mika", "before"], ["Jo", "a"], [null, "own"], ["Jo", "b"]) })));
    await tick();
    expect(part("chat-unread").textContent).toBe("2");
    expect(screen.getByRole("button", { name: "Chat, 2 unread" })).toBeTruthy();
    expect(screen.getByText("New message from Jo")).toBeTruthy();
    await userEvent.click(part("chat-toggle"));
    absent("chat-unread");
    backend.show(view(call({ chat: chat(["Mika", "before"], ["Jo", "a"], [null, "own"], ["Jo", "b"], ["Jo", "c"]) })));
    await tick();
    await userEvent.keyboard("{Escape}");
    absent("chat-unread");
  });

  it("stays when the others have gone, and then sends nothing", async () => {
    const backend = show("call-chat");
    await userEvent.click(part("chat-toggle"));
    await userEvent.keyboard("half a line");
    backend.show(view(waiting({ chat: CHAT })));
    await tick();
    expect(part("chat-input")).toHaveProperty("value", "half a line");
    await userEvent.keyboard("{Enter}");
    expect(backend.commands).toEqual([]);
  });
});

describe("a relay that is lost", () => {
  it("is said of the call, and of a wait in other words", () => {
    show("call-relay-lost");
    expect(part("relay-lost").textContent).toContain("The call goes on without it.");
    cleanup();
    show("waiting-relay-lost");
    expect(part("relay-lost").textContent).toContain("tried again");
  });
});
