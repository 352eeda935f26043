/** The document's editor: what the schema knows is offered, checked and explained in place. */
import { Prec } from "@codemirror/state";
import { hoverTooltip, keymap } from "@codemirror/view";
import { styleTags, tags } from "@lezer/highlight";
import { graphql, graphqlLanguage, offsetToPos, showInDocsCommand, updateSchema } from "cm6-graphql";
import { parse, print } from "graphql";
import { getHoverInformation } from "graphql-language-service";

// Their language, with a colour of their own for operations and types.
const language = graphqlLanguage.configure({
  props: [
    styleTags({
      "OperationDefinition/Name FragmentName/Name": tags.function(tags.name),
      "NamedType/Name": tags.typeName,
      "ObjectValue/Name": tags.attributeName,
      "Alias/FieldName Alias/Name Alias": tags.variableName,
    }),
  ],
});

/** @param {(type: string, field?: string) => void} explain shows a type, or a field of it. */
export function documents(read, explain) {
  const shown = (field, type, parent) => {
    if (parent && field) explain(parent, field);
    else if (type) explain(type.replace(/[[\]!]/g, ""));
  };
  return [
    Prec.high(language.extension),
    graphql(undefined, { onShowInDocs: shown }),
    keymap.of([{ key: "F1", run: showInDocsCommand }]),
    hoverTooltip((view, at) => hint(view, at, read())),
  ];
}

export function know(view, schema) {
  updateSchema(view, schema);
}

function hint(view, at, schema) {
  const word = view.state.wordAt(at);
  if (!schema || !word) return null;
  const cursor = offsetToPos(view.state.doc, Math.min(at + 1, word.to));
  const text = getHoverInformation(schema, view.state.doc.toString(), cursor);
  if (!text) return null;
  const [signature, ...rest] = text.split("\n\n");
  return { pos: word.from, end: word.to, above: true, create: () => ({ dom: drawn(signature, rest.join("\n\n")) }) };
}

function drawn(signature, words) {
  const dom = document.createElement("div");
  dom.className = "cm-hint";
  const code = document.createElement("code");
  code.textContent = signature;
  dom.append(code, words ? `\n${words}` : "");
  return dom;
}

/** Laid out anew; null where it cannot be read, or has comments, which would be lost. */
export function formatted(document) {
  try {
    return document.includes("#") ? null : print(parse(document));
  } catch {
    return null;
  }
}
