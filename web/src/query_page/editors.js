/** Editors in the page's own colours. Each has a shadow root: there CodeMirror needs no `<style>`. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { word } from "../words.js";

const colours = HighlightStyle.define([
  { tag: [tags.definitionKeyword, tags.keyword], color: "var(--syn-k)" },
  { tag: [tags.string, tags.typeName], color: "var(--syn-s)" },
  { tag: [tags.number, tags.bool, tags.null, tags.special(tags.name)], color: "var(--syn-n)" },
  { tag: [tags.variableName], color: "var(--syn-v)" },
  { tag: [tags.modifier, tags.function(tags.name)], color: "var(--syn-f)" },
  { tag: tags.comment, color: "var(--fg-3)" },
]);

// The keys of JSON are names as well, but of another kind.
const keys = HighlightStyle.define([{ tag: tags.propertyName, color: "var(--syn-v)" }]);
const list = { fontFamily: "var(--mono)", fontSize: "12px", maxHeight: "240px" };
const look = EditorView.theme({
  "&": { height: "100%", color: "var(--fg)", backgroundColor: "transparent" },
  "&.cm-focused": { outline: "0" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: "12.5px", lineHeight: "1.6", letterSpacing: "-.01em" },
  ".cm-content": { padding: "10px 0", caretColor: "var(--fg)" },
  ".cm-line": { padding: "0 14px 0 6px" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--fg-3)", border: "0" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "32px", fontSize: "11.5px", padding: "0 4px 0 8px" },
  ".cm-foldGutter .cm-gutterElement": { width: "12px" },
  ".cm-activeLine": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": { backgroundColor: "var(--hover)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--selected)", outline: "1px solid var(--line-strong)" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "transparent", color: "var(--bad)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunken)", borderColor: "var(--line)", color: "var(--fg-3)" },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--fg)",
    border: "0",
    borderRadius: "var(--r-md)",
    boxShadow: "var(--shadow-2)",
    maxWidth: "min(440px, calc(100vw - 24px))",
    fontSize: "12px",
    zIndex: "30",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": list,
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 10px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--ink)", color: "var(--on-ink)" },
  ".cm-tooltip-autocomplete ul li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionDetail": { color: "var(--syn-f)", fontStyle: "normal" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "600" },
  ".cm-tooltip.cm-completionInfo": { padding: "8px 10px", lineHeight: "1.4" },
  ".cm-tooltip.cm-completionInfo.cm-completionInfo-right-narrow": { right: "auto" },
  ".cm-hint": { padding: "8px 10px", whiteSpace: "pre-wrap", lineHeight: "1.45" },
  ".cm-hint code": { fontFamily: "var(--mono)", color: "var(--syn-f)" },
  ".cm-diagnostic": { padding: "6px 10px", overflowWrap: "anywhere" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--bad)" },
  ".cm-diagnostic-warning": { borderLeft: "3px solid var(--warn)" },
  ".cm-lintRange-error, .cm-lintRange-warning": { backgroundImage: "none", textUnderlineOffset: "3px" },
  ".cm-lintRange-error": { textDecoration: "underline wavy var(--bad)" },
  ".cm-lintRange-warning": { textDecoration: "underline wavy var(--warn)" },
});

const basic = [look, syntaxHighlighting(colours), lineNumbers(), foldGutter({ markerDOM: fold }), bracketMatching()];

/** JSON in its colours. */
export const jsonic = [json(), syntaxHighlighting(keys)];

/** A sign that is drawn by the font, quieter than the numbers beside it. */
function fold(open) {
  const sign = document.createElement("span");
  sign.textContent = open ? "⌄" : "›";
  sign.title = word(open ? "query_page.fold" : "query_page.unfold");
  return sign;
}

/**
 * An editor in `host`, whose `aria-label` it takes over.
 *
 * Tab indents; after Escape it leaves the editor, as CodeMirror has it.
 */
export function writable(host, { text, extensions, run, changed }) {
  return mounted(host, text, [
    Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => (run(), true) }])),
    ...basic,
    history(),
    indentOnInput(),
    closeBrackets(),
    autocompletion({ icons: false }),
    highlightActiveLine(),
    keymap.of([
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...completionKeymap,
      ...lintKeymap,
      indentWithTab,
    ]),
    extensions,
    EditorView.updateListener.of(changed),
  ]);
}

/** A view of JSON, which can be read and marked by keyboard. */
export function readable(host) {
  return mounted(host, "", [
    ...basic,
    jsonic,
    keymap.of([...defaultKeymap, ...foldKeymap]),
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
  ]);
}

function mounted(host, text, extensions) {
  const root = host.attachShadow({ mode: "open" });
  const label = host.getAttribute("aria-label");
  const name = EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" });
  host.removeAttribute("aria-label");
  const state = EditorState.create({ doc: text, extensions: [name, EditorState.tabSize.of(2), ...extensions] });
  return new EditorView({ state, parent: root, root });
}

export const textOf = (view) => view.state.doc.toString();

/** As if it had been typed: it can be undone. */
export function replace(view, text) {
  if (textOf(view) === text) return;
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
}
