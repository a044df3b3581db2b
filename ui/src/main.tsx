import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import { App } from "./app";
import { listen } from "./live";
import { start } from "./state";
import "./style.css";
import { followAddress } from "./view";

followAddress();
start();
listen();
render(<App />, document.getElementById("root") as HTMLElement);
