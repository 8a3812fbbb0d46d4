import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import type { Channel } from "@tauri-apps/api/core";
import { get } from "svelte/store";
import { afterEach, expect, it, vi } from "vitest";
import type { AppView } from "../contract/AppView";
import type { Notice } from "../contract/Notice";
import { fixtures } from "../gallery/fixtures";
import { TauriBackend } from "./backend";

afterEach(() => clearMocks());

it("shows what the shell shows, tells its notices, and passes commands on", async () => {
  const calls: [string, unknown][] = [];
  let channels: { views: Channel<AppView>; notices: Channel<Notice> } | undefined;
  mockIPC((name, payload) => {
    calls.push([name, payload]);
    if (name === "subscribe") channels = payload as typeof channels;
    return name === "video_endpoint" ? { url: "ws://127.0.0.1:1/video", token: "t" } : null;
  });
  const backend = new TauriBackend();
  expect(get(backend.view).screen.type).toBe("start");
  await vi.waitFor(() => expect(channels).toBeDefined());

  channels!.views.onmessage(fixtures.call.view);
  expect(get(backend.view)).toEqual(fixtures.call.view);

  const heard = vi.fn();
  const stop = backend.onNotice(heard);
  channels!.notices.onmessage({ type: "link_copied" });
  stop();
  channels!.notices.onmessage({ type: "link_copied" });
  expect(heard.mock.calls).toEqual([[{ type: "link_copied" }]]);

  await backend.dispatch({ type: "hang_up" });
  expect(calls.at(-1)).toEqual(["dispatch", { command: { type: "hang_up" } }]);
});
