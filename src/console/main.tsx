import "./styles/index.css";
import "./state/theme.ts";
import { render } from "preact";
import { resume } from "./api/session.ts";
import { App } from "./app.tsx";

const root = document.getElementById("app");
if (root) render(<App />, root);
void resume();
