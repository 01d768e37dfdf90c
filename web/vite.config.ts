import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

/** Packages whose code reaches the browser; their licences travel with it. */
const shipped = ["preact", "@preact/signals", "@preact/signals-core", "lucide"];

/** licences writes licences.txt, because minified bundles lose the notices that MIT and ISC ask for. */
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle() {
      const texts = shipped.map((name) => {
        const text = readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim();
        return `${name}\n${"=".repeat(name.length)}\n\n${text}\n`;
      });
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join("\n\n") });
    },
  };
}

export default defineConfig({
  base: "/",
  plugins: [licences()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    // The page's CSP has no data: for scripts and styles, so nothing may be inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    cssCodeSplit: true,
  },
});
