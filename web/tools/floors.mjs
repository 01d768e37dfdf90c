// The floors of the client's house, as an ESLint rule: an import goes to the same floor or down, and
// never in a circle, not even of types.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** From the ground up. A room may import itself and what stands below it. */
const order = ["base", "jmap", "store", "mail", "views", "app"];

const root = path.resolve(import.meta.dirname, "../src");

/** The room a file lies in, or undefined for files outside of src. */
function roomOf(file) {
  const relative = path.relative(root, file);
  return relative.startsWith("..") ? undefined : relative.split(path.sep)[0];
}

/** The file a relative import means, or undefined for packages, styles and missing files. */
function resolve(from, spec) {
  if (!spec.startsWith(".")) return undefined;
  const stem = path.resolve(path.dirname(from), spec);
  return [".ts", ".tsx", ""].map((ext) => stem + ext).find((f) => /\.tsx?$/.test(f) && existsSync(f));
}

const graph = new Map();

/** The files that a file imports; read once, since one lint run sees one state of the tree. */
function importsOf(file) {
  const known = graph.get(file);
  if (known) return known;
  const text = readFileSync(file, "utf8");
  const specs = [...text.matchAll(/(?:from\s*|import\s*\(?\s*)"(\.[^"]+)"/g)].map((m) => m[1]);
  const files = specs.map((s) => resolve(file, s)).filter((f) => f !== undefined);
  graph.set(file, files);
  return files;
}

/** A path from one file to another along imports, or undefined. */
function walk(from, to, seen = new Set()) {
  if (from === to) return [from];
  if (seen.has(from)) return undefined;
  seen.add(from);
  for (const next of importsOf(from)) {
    const rest = walk(next, to, seen);
    if (rest) return [from, ...rest];
  }
  return undefined;
}

export const floors = {
  meta: { type: "problem", docs: { description: "imports only go down" }, schema: [] },
  create(context) {
    const file = context.filename;
    const here = order.indexOf(roomOf(file));
    if (here < 0) return {};
    const check = (node) => {
      const target = node.source?.value && resolve(file, String(node.source.value));
      if (!target) return;
      const there = order.indexOf(roomOf(target));
      if (there > here) {
        context.report({
          node,
          message: `${order[here]} must not know ${order[there]}: imports only go down`,
        });
      }
      const circle = walk(target, file);
      if (circle) {
        const names = circle.map((f) => path.relative(root, f)).join(" > ");
        context.report({ node, message: `imports go in a circle: ${names}` });
      }
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};
