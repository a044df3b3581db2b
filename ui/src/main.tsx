import { effect } from "@preact/signals";
import { render } from "preact";
import { followAddress } from "./address";
import { App } from "./app";
import { start } from "./groups/state";
import { listenToKeys } from "./keys";
import { listen } from "./live";
import { dark } from "./palette";
import "./style.css";

followAddress();
effect(() => {
  document.documentElement.dataset.theme = dark.value ? "dark" : "light";
});
start();
listen();
listenToKeys();
render(<App />, document.getElementById("root") as HTMLElement);
