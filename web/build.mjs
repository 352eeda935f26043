// Bundles src/ into static/dist: hashed names, gzip and brotli beside each file, and a manifest
// that says which name a template means, what an icon looks like, and what it was built from.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const OUT = path.resolve("static/dist");
const SHARED_FILES = ["package.json", "package-lock.json", "build.mjs"];
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

function licences() {
  const packages = Object.keys(JSON.parse(fs.readFileSync("package.json", "utf8")).dependencies);
  return [...packages, "lucide-static"]
    .map((name) => `${name}\n\n${fs.readFileSync(`node_modules/${name}/LICENSE`, "utf8")}`)
    .join("\n\n");
}

fs.rmSync(OUT, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ["src/app.js", "src/app.css", "src/vane.svg"],
  outdir: OUT,
  entryNames: "[name].[hash]",
  chunkNames: "[name].[hash]",
  assetNames: "[name].[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2022"],
  loader: { ".woff2": "file", ".svg": "copy" },
  legalComments: "none",
  minify: true,
  metafile: true,
  logLevel: "warning",
});
for (const name of fs.readdirSync(OUT)) compress(path.join(OUT, name));
const manifest = { stamp: stamp(), files: names(metafile.outputs), icons: icons() };
fs.writeFileSync(path.join(OUT, "manifest.json"), JSON.stringify(manifest, null, 1));
fs.writeFileSync(path.join(OUT, "THIRD_PARTY.txt"), licences());
