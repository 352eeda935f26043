// Bundles src/ into static/dist: hashed names, gzip and brotli beside each file, and a manifest
// that says which name a template means, what an icon looks like, which questions the guide asks,
// and what it was built from.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const OUT = path.resolve("static/dist");
const GUIDE = "../docs/graphql.md";
const SHARED_FILES = ["package.json", "package-lock.json", "build.mjs", GUIDE];
// The first script of all pages, and those that one page names.
const ENTRIES = ["app", "comparing", "saved_views", "tokens"].map((name) => `src/${name}.js`);
const FONT = /^geist(-mono)?-latin-wght-normal/;

/** The digest that hatch_build.py computes too, so that a bundle built by hand counts as fresh. */
function stamp() {
  const sources = fs
    .readdirSync("src", { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.posix.join(entry.parentPath.replaceAll("\\", "/"), entry.name))
    .sort();
  const digest = createHash("sha256");
  for (const file of [...SHARED_FILES, ...sources]) {
    digest.update(`${file}\0`).update(fs.readFileSync(file));
  }
  return digest.digest("hex");
}

function icons() {
  const names = JSON.parse(fs.readFileSync("src/icons.json", "utf8"));
  const drawn = names.map((name) => {
    const svg = fs.readFileSync(`node_modules/lucide-static/icons/${name}.svg`, "utf8");
    return [name, svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.indexOf("</svg>")).trim()];
  });
  return Object.fromEntries(drawn.map(([name, shapes]) => [name, shapes.replace(/\s*\n\s*/g, "")]));
}

/** The guide's numbered questions: title, first sentences, document, and the variables of its programs. */
function questions() {
  const chapters = fs.readFileSync(GUIDE, "utf8").split(/^## /m).slice(1);
  return chapters.filter((chapter) => /^\d+\. /.test(chapter)).map((chapter) => {
    const [, title, lead] = /^\d+\. (.*)\n\n([^]*?)\n\n/.exec(chapter);
    const [, document] = /^```graphql\n# .*\n([^]*?)^```$/m.exec(chapter);
    return { title, lead: plain(lead), document: document.trimEnd(), variables: variables(chapter) };
  });
}

function plain(markdown) {
  return markdown.replace(/\s+/g, " ").replace(/`([^`]*)`/g, "$1").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
}

/** As curl sends them; a mutation's stand in its program, whose keys have no quotes. */
function variables(chapter) {
  const [, said] = /'variables=([^']*)'/.exec(chapter) ?? /"variables=((?:[^"\\]|\\.)*)"/.exec(chapter)
    ?? /^const variables = (.*);$/m.exec(chapter);
  return JSON.parse(said.replaceAll('\\"', '"').replace(/([{,]\s*)(\w+):/g, '$1"$2":'));
}

/** The name a template asks for, such as `app.js`, and the hashed file it gets. */
function names(outputs) {
  const found = {};
  for (const [file, output] of Object.entries(outputs)) {
    const name = path.basename(file);
    if (output.entryPoint) found[path.basename(output.entryPoint)] = name;
    const font = FONT.exec(name);
    if (font) found[`geist${font[1] ?? ""}.woff2`] = name;
    if (name.startsWith("vane.")) found["vane.svg"] = name;
  }
  return found;
}

function compress(file) {
  const bytes = fs.readFileSync(file);
  if (file.endsWith(".woff2") || bytes.length < 512) return;
  const brotli = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  fs.writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  fs.writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: brotli }));
}

/** What each package that went into a file says of itself. */
function licences(inputs) {
  const folders = inputs.flatMap((file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []);
  return [...new Set([...folders, "node_modules/lucide-static"])].sort()
    .map((folder) => {
      const file = fs.readdirSync(folder).find((name) => /^licen[sc]e/i.test(name));
      return `${folder.replace("node_modules/", "")}\n\n${fs.readFileSync(`${folder}/${file}`, "utf8")}`;
    })
    .join("\n\n");
}

function bundled(entryPoints, splitting) {
  return build({
    entryPoints,
    outdir: OUT,
    entryNames: "[name].[hash]",
    chunkNames: "[name].[hash]",
    assetNames: "[name].[hash]",
    bundle: true,
    splitting,
    format: "esm",
    target: ["es2022"],
    loader: { ".woff2": "file", ".svg": "copy" },
    // What tells a developer's mistakes to libraries stays out.
    define: { "process.env.NODE_ENV": '"production"' },
    legalComments: "none",
    minify: true,
    metafile: true,
    logLevel: "warning",
  });
}

fs.rmSync(OUT, { recursive: true, force: true });
const built = [
  await bundled([...ENTRIES, "src/app.css", "src/vane.svg"], true),
  // On its own: what it shares with the other pages would make them fetch one file more.
  await bundled(["src/query_page.js", "src/query_page.css"], false),
];
const outputs = Object.assign({}, ...built.map(({ metafile }) => metafile.outputs));
const inputs = built.flatMap(({ metafile }) => Object.keys(metafile.inputs));
for (const name of fs.readdirSync(OUT)) compress(path.join(OUT, name));
const manifest = { stamp: stamp(), files: names(outputs), icons: icons(), questions: questions() };
fs.writeFileSync(path.join(OUT, "manifest.json"), JSON.stringify(manifest, null, 1));
fs.writeFileSync(path.join(OUT, "THIRD_PARTY.txt"), licences(inputs));
