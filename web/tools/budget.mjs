// Weighs what a browser loads from the sign-in page to the first list, brotli-compressed, and fails
// above the budget. Lazy chunks are listed apart.
import { readFileSync, readdirSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

/** Bytes of JS and CSS, compressed and cold; the weight that users on bad lines feel. */
const FIRST_LOAD_BUDGET = 60_000;
/** Everything the client can ever load, editor apart. */
const TOTAL_BUDGET = 110_000;

const weigh = (file) => brotliCompressSync(readFileSync(`dist/${file}`)).length;
const index = readFileSync("dist/index.html", "utf8");
const assets = readdirSync("dist/assets").filter((f) => /\.(js|css)$/.test(f));

let first = 0;
let total = 0;
for (const asset of assets) {
  const bytes = weigh(`assets/${asset}`);
  const isFirst = index.includes(asset) || /^(mailroom|shell)/.test(asset);
  total += bytes;
  if (isFirst) first += bytes;
  console.log(`${isFirst ? "first" : "later"}  ${String(bytes).padStart(7)}  ${asset}`);
}
console.log(`first load ${first} of ${FIRST_LOAD_BUDGET}, all ${total} of ${TOTAL_BUDGET} bytes (brotli)`);
if (first > FIRST_LOAD_BUDGET || total > TOTAL_BUDGET) {
  console.error("the client is heavier than its budget");
  process.exit(1);
}
