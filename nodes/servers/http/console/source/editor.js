import { Compartment, EditorState, Prec } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers,
  placeholder } from "@codemirror/view";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, syntaxHighlighting }
  from "@codemirror/language";
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap,
  completionKeymap } from "@codemirror/autocomplete";
import { setDiagnostics } from "@codemirror/lint";
import { tags } from "@lezer/highlight";
import { place, support } from "./languages.js";

const look = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--paper)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: "13px",
    lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--accent)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--paper)", color: "var(--faint)",
    border: "none", paddingLeft: "6px" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--chosen)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--ink)",
    border: "1px solid var(--line)", borderRadius: "6px", overflow: "hidden",
    boxShadow: "0 6px 24px var(--shadow)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)",
    fontSize: "12px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]":
    { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "0.75" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-matchingBracket": { backgroundColor: "var(--chosen)" },
  ".cm-placeholder": { color: "var(--faint)" },
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--code-keyword)", fontWeight: "600" },
  { tag: tags.standard(tags.name), color: "var(--code-function)" },
  { tag: [tags.function(tags.variableName), tags.typeName, tags.propertyName],
    color: "var(--code-function)" },
  { tag: [tags.string, tags.atom, tags.special(tags.string)],
    color: "var(--code-text)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: tags.comment, color: "var(--faint)", fontStyle: "italic" },
  { tag: [tags.operator, tags.punctuation], color: "var(--soft)" },
]);

/** The editor, below a shadow root, where its styles need no inline element. */
export function createEditor(host, { text, language, onRun, onChange }) {
  const root = host.attachShadow({ mode: "open" });
  const languages = new Compartment();
  const run = () => (onRun(), true);
  const view = new EditorView({
    parent: root, root,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(keymap.of([
          { key: "Mod-Enter", run }, { key: "Tab", run: acceptCompletion },
        ])),
        lineNumbers(), history(), drawSelection(), bracketMatching(),
        closeBrackets(), autocompletion(), highlightActiveLine(),
        EditorView.lineWrapping, look, syntaxHighlighting(colours),
        placeholder("Type a query, Ctrl-Enter runs it"),
        EditorView.contentAttributes.of({ "aria-label": "Query" }),
        keymap.of([...closeBracketsKeymap, ...completionKeymap,
          ...defaultKeymap, ...historyKeymap]),
        languages.of(support(language, [])),
        EditorView.updateListener.of((update) => {
          if (update.docChanged)
            onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    focus: () => view.focus(),
    text: () => view.state.doc.toString(),
    replace(with_) {
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: with_ },
        selection: { anchor: with_.length },
      });
    },
    insert(piece) {
      view.dispatch(view.state.replaceSelection(piece));
      view.focus();
    },
    speak(named, tables) {
      view.dispatch({ effects: languages.reconfigure(support(named, tables)) });
    },
    /** Marks where a refusal points; null: nowhere. */
    mark(said) {
      const now = view.state.doc.toString();
      const at = said === null ? null : place(now, said);
      if (at === null || at > now.length)
        return view.dispatch(setDiagnostics(view.state, []));
      const word = /^[\w.]+/.exec(now.slice(at));
      const from = Math.min(at, Math.max(0, now.length - 1));
      view.dispatch(setDiagnostics(view.state, [{
        from, to: Math.min(now.length, from + (word ? word[0].length : 1)),
        severity: "error", message: said,
      }]));
    },
    destroy: () => view.destroy(),
  };
}
