/** The variables: JSON, checked against what the operation declares. */
import { jsonLanguage, jsonParseLinter } from "@codemirror/lang-json";
import { syntaxTree } from "@codemirror/language";
import { linter } from "@codemirror/lint";
import { StateEffect } from "@codemirror/state";
import { getVariableValues, Kind, parse } from "graphql";
import { word } from "../words.js";
import { jsonic } from "./editors.js";

/** Tells the editor that the document, or the schema, is another one now. */
export const recheck = StateEffect.define();
const broken = jsonParseLinter();
const TOLD_MAX = 10;

/** The document's operation, or null where there is none that can be read. */
export function operationOf(document) {
  try {
    const { definitions } = parse(document, { noLocation: true });
    return definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION) ?? null;
  } catch {
    return null;
  }
}

/** What the text says; nothing at all means none. Throws where it is no JSON object. */
export function variablesOf(text) {
  const value = text.trim() ? JSON.parse(text) : {};
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new SyntaxError(word("query_page.variables.object"));
  }
  return value;
}

/** @param {() => {document: string, schema: import("graphql").GraphQLSchema | null}} read */
export function variables(read) {
  const checked = linter((view) => problems(view, read()), {
    needsRefresh: ({ transactions }) => transactions.some(({ effects }) => effects.some((each) => each.is(recheck))),
  });
  return [jsonic, checked, jsonLanguage.data.of({ autocomplete: (context) => offered(context, read()) })];
}

function problems(view, { document, schema }) {
  const text = view.state.doc.toString();
  if (!text.trim()) return missing(view, schema, document, {});
  const mistakes = broken(view);
  if (mistakes.length) return mistakes;
  try {
    return missing(view, schema, document, variablesOf(text));
  } catch ({ message }) {
    return [{ from: 0, to: text.length, severity: "error", message }];
  }
}

function missing(view, schema, document, values) {
  const operation = operationOf(document);
  if (!schema || !operation) return [];
  const declared = operation.variableDefinitions ?? [];
  const names = declared.map(({ variable }) => variable.name.value);
  const { errors = [] } = getVariableValues(schema, declared, values, { maxErrors: TOLD_MAX });
  const unknown = Object.keys(values).filter((name) => !names.includes(name));
  return [
    ...errors.map(({ message }) => told(view, /\$(\w+)/.exec(message)?.[1], "error", message)),
    ...unknown.map((name) => told(view, name, "warning", word("query_page.variables.unknown", { name }))),
  ];
}

function told(view, name, severity, message) {
  return { ...place(view.state, name), severity, message };
}

/** Where a variable's name stands, else the beginning. */
function place(state, name) {
  const object = syntaxTree(state).topNode.firstChild;
  for (let node = object?.firstChild; node; node = node.nextSibling) {
    const key = node.name === "Property" && node.firstChild;
    if (key && state.sliceDoc(key.from, key.to) === JSON.stringify(name)) return { from: key.from, to: node.to };
  }
  return { from: 0, to: Math.min(1, state.doc.length) };
}

/** The names that are declared and not given yet. */
function offered(context, { document }) {
  const word = context.matchBefore(/"?\w*/);
  const node = syntaxTree(context.state).resolveInner(context.pos, -1);
  const inside = ["Object", "PropertyName", "{", ","].includes(node.name);
  if (!inside || (!context.explicit && word.from === word.to)) return null;
  const text = context.state.doc.toString();
  const options = (operationOf(document)?.variableDefinitions ?? [])
    .map(({ variable }) => `"${variable.name.value}"`)
    .filter((name) => !text.includes(`${name}:`));
  return { from: word.from, options: options.map((label) => ({ label, apply: `${label}: ` })) };
}
