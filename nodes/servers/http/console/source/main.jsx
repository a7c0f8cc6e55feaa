import { render } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { schema, status } from "./api.js";
import { Board } from "./board.jsx";
import { Live } from "./live.jsx";
import { Query } from "./query.jsx";
import { load, store } from "./storage.js";

const SCREENS = [["query", "Query"], ["board", "Board"],
  ["live", "Live"]];
const THEMES = ["system", "light", "dark"];

function screenOf(path) {
  const found = SCREENS.find(([key]) => path === `/console/${key}`);
  return found ? found[0] : "query";
}

function useTheme() {
  const [theme, setTheme] = useState(load("theme", "system"));
  const [isDark, setDark] = useState(false);
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
      const dark = theme === "system" ? system.matches : theme === "dark";
      document.documentElement.dataset.theme = dark ? "dark" : "light";
      setDark(dark);
    };
    apply();
    system.addEventListener("change", apply);
    return () => system.removeEventListener("change", apply);
  }, [theme]);
  return [theme, isDark ? "dark" : "light", () => {
    const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    store("theme", next);
    setTheme(next);
  }];
}

function Keys({ onClose }) {
  const keys = [["Ctrl Enter", "run the query"], ["Esc", "cancel it"],
    ["Ctrl Space", "complete"], ["Alt 1", "query"], ["Alt 2", "board"],
    ["Alt 3", "live rows"],
    ["Alt E", "to the editor"], ["Alt R", "to the rows"],
    ["Alt T", "light or dark"], ["arrows, Home, End", "in the rows"],
    ["Ctrl C", "copy the chosen cell"]];
  return <dialog class="keys" aria-labelledby="keys-title" onClose={onClose}
    ref={(element) => element && !element.open && element.showModal()}>
    <h2 id="keys-title">Keys</h2>
    <dl>{keys.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt>
      <dd>{what}</dd></div>)}</dl>
    <form method="dialog"><button class="plain">Close</button></form>
  </dialog>;
}

function Head({ screen, show, cluster, theme, turn, onKeys }) {
  return <header class="top">
    <a class="brand" href="/console/query" onClick={show("query")}>
      <svg width="20" height="20" viewBox="0 0 16 16" aria-hidden="true">
        <rect width="16" height="16" rx="4" class="mark" />
        <path class="wave"
          d="M2 6c2-2 4 2 6 0s4 2 6 0M2 10.5c2-2 4 2 6 0s4 2 6 0" /></svg>
      Millrace</a>
    <nav aria-label="Screens">{SCREENS.map(([key, text], number) =>
      <a key={key} href={`/console/${key}`} onClick={show(key)}
        title={`Alt ${number + 1}`}
        aria-current={screen === key ? "page" : undefined}>{text}</a>)}</nav>
    <span class="cluster">{cluster}</span>
    <button class="plain" onClick={turn} title="Alt T"
      aria-label={`Theme: ${theme}`}>{
        { system: "◐ system", light: "○ light", dark: "● dark" }[theme]
      }</button>
    <button class="plain" onClick={onKeys}>Keys</button>
  </header>;
}

function Console() {
  const [screen, setScreen] = useState(screenOf(location.pathname));
  const [theme, colours, turn] = useTheme();
  const [tables, setTables] = useState({ list: [], fault: null });
  const [cluster, setCluster] = useState("");
  const [hasKeys, setKeys] = useState(false);

  const go = useCallback((to) => {
    history.pushState(null, "", `/console/${to}`);
    setScreen(to);
  }, []);
  const show = (to) => (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(to);
  };
  const readTables = useCallback(async () => {
    try {
      setTables({ list: await schema(), fault: null });
    } catch (fault) {
      setTables({ list: [], fault: fault.message });
    }
  }, []);
  useEffect(() => { readTables(); }, []);
  useEffect(() => {
    status().then((said) => {
      setCluster(said.cluster);
      document.title = `${said.cluster} · Millrace`;
    }, () => setCluster("no status"));
    const back = () => setScreen(screenOf(location.pathname));
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  useEffect(() => {
    const press = (event) => {
      if (!event.altKey || event.ctrlKey || event.metaKey) return;
      const number = Number(event.code.replace("Digit", "")) - 1;
      if (SCREENS[number]) go(SCREENS[number][0]);
      else if (event.code === "KeyT") turn();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [turn]);

  return <>
    <Head screen={screen} show={show} cluster={cluster} theme={theme}
      turn={turn} onKeys={() => setKeys(true)} />
    {/* It stays, so that a query goes on while the board is looked at. */}
    <Query isShown={screen === "query"} tables={tables} theme={colours}
      onReload={readTables} />
    {screen === "board" && <Board />}
    {screen === "live" && <Live tables={tables} theme={colours} />}
    {hasKeys && <Keys onClose={() => setKeys(false)} />}
  </>;
}

render(<Console />, document.getElementById("console"));
