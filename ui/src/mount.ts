import { mount } from "svelte";
import App from "./App.svelte";
import type { Backend } from "./backend";
import "./style/base.css";

/** Puts the screens into the page. */
export function start(backend: Backend): void {
  const target = document.getElementById("app");
  if (!target) throw new Error("the page has no place for the app");
  mount(App, { target, props: { backend } });
}
